/** The text with `content` between `<!-- name: printed by … -->` and `<!-- end of name -->`, which stay. */
export function replaceSection(text: string, name: string, content: string): string {
  const start = text.indexOf(`<!-- ${name}:`)
  const end = text.indexOf(`<!-- end of ${name} -->`)
  if (start === -1 || end < start) throw new Error(`there is no section "${name}"`)
  const head = text.slice(0, text.indexOf('-->', start) + 3)
  return `${head}\n\n${content}\n\n${text.slice(end)}`
}
