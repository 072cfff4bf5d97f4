import { printable } from '../lib/printable.ts'
import { Client } from './client.ts'
import { exitCode } from './failure.ts'
import { Screen } from './top-screen.ts'
import { type Sort, type TopAnswer, topTables } from './top-table.ts'

export interface TopOptions {
  readonly url: string
  readonly limit?: number
  readonly sort: Sort
  readonly once?: boolean
  readonly json?: boolean
}

/**
 * `sluice top`: what flows now, once a second until q or Ctrl-C. On a terminal it takes the whole screen; elsewhere the tables, or with
 * --json one object a line, follow each other.
 */
export async function top(options: TopOptions): Promise<number> {
  const { url, limit, once, json } = options
  const client = new Client(url)
  const leaving = new AbortController()
  const isOnTerminal = process.stdout.isTTY && !once && !json
  const terminal = { input: process.stdin, output: process.stdout }
  const screen = isOnTerminal ? new Screen(terminal, options.sort, () => leaving.abort()) : undefined
  process.once('SIGINT', () => leaving.abort())
  try {
    do {
      const answer = await client.get<TopAnswer>('/api/v1/top', { limit: limit?.toString() }, leaving.signal)
      if (screen !== undefined) screen.show(answer)
      else if (json) process.stdout.write(`${printable(JSON.stringify(answer))}\n`)
      else process.stdout.write(`${topTables(answer, options.sort)}\n`)
    } while (!once)
  } catch (error) {
    if (!leaving.signal.aborted) throw error
  } finally {
    screen?.close()
  }
  return exitCode.ok
}
