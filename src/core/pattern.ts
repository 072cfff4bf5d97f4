/**
 * A name pattern as config and subscriptions write it: `*` stands for any run of characters, everything else for itself. Compiled once.
 * Each literal part is looked for once, from left to right, so that no pattern a stranger sends can make matching slow.
 */
export function namePattern(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return (name) => name === pattern
  const middle = parts.slice(1, -1).filter((part) => part !== '')
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
      return false
    const end = name.length - last.length
    let at = first.length
    for (const part of middle) {
      const found = name.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}
