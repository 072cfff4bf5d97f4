/** A name pattern as config writes it: `*` stands for any run of characters, everything else for itself. Compiled once. */
export function namePattern(pattern: string): (name: string) => boolean {
  if (!pattern.includes('*')) return (name) => name === pattern
  const expression = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 'su')
  return (name) => expression.test(name)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}/]/g, '\\$&')
}
