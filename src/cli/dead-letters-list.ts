import { printable, printableLines } from '../lib/printable.ts'
import { Client } from './client.ts'
import { letterFilter, type LetterFilterOptions, letterPath, lettersPath } from './dead-letters-filter.ts'
import { exitCode } from './failure.ts'
import { formatTable } from './table.ts'

export interface ListOptions extends LetterFilterOptions {
  readonly url: string
  readonly limit: number
  readonly json?: boolean
}

export interface ShowOptions {
  readonly url: string
  readonly bytes?: boolean
  readonly json?: boolean
}

/** A letter as the API shows it. */
interface Letter {
  readonly id: string
  readonly time: string
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device?: string
  readonly topic?: string
  readonly offset?: string
  readonly format?: string
  readonly principal?: string
  readonly bytes: string
  readonly text?: string
}

/** Letters of one answer: with their bytes they may be large. */
const perAnswer = 1_000

/** `sluice dead-letters list`. */
export async function listLetters(options: ListOptions): Promise<number> {
  const client = new Client(options.url)
  const found: Letter[] = []
  let cursor: string | undefined
  do {
    const limit = String(Math.min(perAnswer, options.limit - found.length))
    const bytes = options.json === true ? undefined : 'omit'
    const query = { ...letterFilter(options), limit, bytes, cursor, time: 'rfc3339' }
    const page = await client.get<{ letters: readonly Letter[]; next?: string }>(lettersPath, query)
    if (options.json === true) for (const letter of page.letters) say(printable(JSON.stringify(letter)))
    found.push(...page.letters)
    cursor = page.next
  } while (cursor !== undefined && found.length < options.limit)
  if (options.json !== true && found.length > 0) {
    const rows = found.map(({ id, time, code, source, device, topic, offset, reason }) => [
      ...[id, time, code, source],
      ...[device ?? topic ?? offset ?? '', reason],
    ])
    say(formatTable(['id', 'time', 'code', 'source', 'device or topic', 'reason'], rows))
  }
  if (found.length === 0) process.stderr.write('no letter fits\n')
  if (cursor !== undefined) process.stderr.write('there are more: raise --limit, or say which you mean\n')
  return exitCode.ok
}

/** `sluice dead-letters show ID`. */
export async function showLetter(id: string, { url, bytes, json }: ShowOptions): Promise<number> {
  const letter = await new Client(url).get<Letter>(letterPath(id), { time: 'rfc3339' })
  const original = Buffer.from(letter.bytes, 'base64')
  if (bytes === true) process.stdout.write(original)
  else if (json === true) say(printable(JSON.stringify(letter)))
  else {
    const { text, bytes: _, ...facts } = letter
    for (const [name, value] of Object.entries(facts)) say(`${name.padEnd(10)} ${printable(value)}`)
    const size = `${original.length} bytes`
    if (text === undefined) say(`${size}, which are no text: --bytes gives them as they came`)
    else say(`${size}:\n${printableLines(text)}`)
  }
  return exitCode.ok
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
