import { createInterface } from 'node:readline/promises'
import { printable } from '../lib/printable.ts'
import { readBytes } from '../lib/text-file.ts'
import { Client } from './client.ts'
import { letterFilter, type LetterFilterOptions, letterPath, lettersPath } from './dead-letters-filter.ts'
import { exitCode, usage } from './failure.ts'

export interface LetterReplayOptions extends LetterFilterOptions {
  readonly url: string
  readonly text?: string
  readonly file?: string
  readonly topic?: string
  readonly yes?: boolean
}

/** `sluice dead-letters replay`: one letter, as it was or corrected, or all that fit. */
export async function replayLetters(id: string | undefined, options: LetterReplayOptions): Promise<number> {
  const client = new Client(options.url)
  const { text, file, topic } = options
  if (id !== undefined) {
    if (text !== undefined && file !== undefined) throw usage('give --text or --file, not both')
    const bytes = file === undefined ? undefined : readBytes(file).toString('base64')
    const body = { text, bytes, topic }
    const { rows } = await client.post<{ rows: number }>(`${letterPath(id, options)}/replay`, body)
    say(`replayed letter ${id}: ${counted(rows, 'row')}`)
    return exitCode.ok
  }
  if (text !== undefined || file !== undefined || topic !== undefined)
    throw usage('--text, --file and --topic correct one letter: give its id')
  const filter = letterFilter(options)
  if (options.yes !== true && process.stdin.isTTY && !(await isWanted(client, filter))) return exitCode.failed
  return replayAll(client, filter)
}

interface Many {
  readonly replayed: number
  readonly rows: number
  readonly failed: number
  readonly failures: readonly { readonly id: string; readonly code: string; readonly reason: string }[]
  readonly next?: string
}

const maxTold = 20

/** Some in a request, until all that fit have been tried. */
async function replayAll(client: Client, filter: ReturnType<typeof letterFilter>): Promise<number> {
  let [replayed, rows, failed] = [0, 0, 0]
  let told = 0
  let cursor: string | undefined
  do {
    const answer = await client.fetch('POST', `${lettersPath}/replay`, { ...filter, cursor })
    const many = (await answer.json()) as Many // the server's own answer, of the shape its OpenAPI document gives
    replayed += many.replayed
    rows += many.rows
    failed += many.failed
    for (const { id, code, reason } of many.failures) {
      if (told++ < maxTold) process.stderr.write(printable(`letter ${id} stays: ${code}: ${reason}`) + '\n')
    }
    cursor = many.next
  } while (cursor !== undefined)
  say(`replayed ${counted(replayed, 'letter')}: ${counted(rows, 'row')}; ${failed} failed again and stay`)
  return failed === 0 ? exitCode.ok : exitCode.failed
}

const mostCounted = 1_000

async function isWanted(client: Client, filter: ReturnType<typeof letterFilter>): Promise<boolean> {
  const query = { ...filter, limit: String(mostCounted), bytes: 'omit' }
  const { letters, next } = await client.get<{ letters: readonly unknown[]; next?: string }>(
    lettersPath,
    query,
  )
  const many = `${next === undefined ? '' : 'more than '}${counted(letters.length, 'letter')}`
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await asking.question(`Replay ${many}? [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    asking.close()
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
