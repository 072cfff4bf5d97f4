export type Options = Readonly<Record<string, string | number | boolean>>

/** Words of the runner itself; the others are for the bench. */
export const runnerWords: readonly string[] = ['reference', 'baseline', 'record']

/** `--seconds 5`, `--seconds=5`, `--baseline`, `--no-reference`; a number is a number. */
export function readOptions(words: readonly string[]): Options {
  const options: Record<string, string | number | boolean> = {}
  for (let i = 0; i < words.length; i++) {
    const match = /^--(no-)?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(words[i] ?? '')
    if (match === null) throw new Error(`expected --option value, got ${words[i]}`)
    const [, no, key = '', inline] = match
    const next = words[i + 1]
    if (no !== undefined) options[key] = false
    else if (inline !== undefined) options[key] = valueOf(inline)
    else if (next === undefined || next.startsWith('--') || runnerWords.includes(key)) options[key] = true
    else {
      options[key] = valueOf(next)
      i++
    }
  }
  return options
}

function valueOf(text: string): string | number {
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
