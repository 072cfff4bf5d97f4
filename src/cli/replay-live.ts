import { setTimeout } from 'node:timers/promises'
import { Client } from './client.ts'
import { exitCode } from './failure.ts'
import type { ReplayOptions } from './replay-options.ts'
import { formatTable } from './table.ts'
import { printable } from '../lib/printable.ts'

/** A replay as the API shows it, as far as it is shown here. */
interface Replay {
  readonly name: string
  readonly sink: string
  readonly state: 'running' | 'waiting' | 'done' | 'cancelled' | 'failed'
  readonly error?: string
  readonly note?: string
  readonly fromStore?: string
  readonly from?: number
  readonly to?: number
  readonly rows: number
  readonly rowsPerSecond: number
  readonly secondsLeft?: number
  readonly done: number
  readonly parts: readonly { readonly stream: string; readonly books: Readonly<Record<string, number>> }[]
}

const path = '/api/v1/replays'

/** `sluice replay --sink X`, or `--from-store A --to B`: beside a running Sluice, which goes on with it over crashes. */
export async function startReplay(options: ReplayOptions): Promise<number> {
  const { url, fromStore, rate, name, wait } = options
  const client = new Client(url)
  const asked =
    fromStore === undefined
      ? { sink: options.sink, from: options.from, to: options.to }
      : { sink: options.sink ?? options.to, fromStore }
  const started = await client.post<Replay>(path, { ...asked, rate, name })
  const { from, to, note } = started
  const what = fromStore === undefined ? `numbers ${from} to ${to}` : `a copy of ${fromStore}`
  process.stdout.write(`replay ${started.name} to ${started.sink} has begun: ${what}\n`)
  if (note !== undefined) process.stdout.write(`${printable(note)}\n`)
  return wait === true ? waitFor(client, started.name) : exitCode.ok
}

const lookAgainMs = 500

/** Until it has ended; a server that is away meanwhile goes on with it when it is back. */
async function waitFor(client: Client, name: string): Promise<number> {
  for (;;) {
    const replay = await client.get<Replay>(`${path}/${name}`, {})
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${progressOf(replay)}`)
    if (replay.state === 'running' || replay.state === 'waiting') {
      await setTimeout(lookAgainMs)
      continue
    }
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    for (const { stream, books } of replay.parts) process.stdout.write(`${stream}: ${booksText(books)}\n`)
    const why = replay.error === undefined ? '' : `: ${printable(replay.error)}`
    process.stdout.write(`replay ${replay.name} is ${replay.state}${why}\n`)
    return replay.state === 'done' ? exitCode.ok : exitCode.failed
  }
}

/** `sluice replay list`. */
export async function listReplays({
  url,
  json,
}: {
  readonly url: string
  readonly json?: boolean
}): Promise<number> {
  const { replays } = await new Client(url).get<{ replays: readonly Replay[] }>(path, {})
  if (json === true) {
    for (const replay of replays) process.stdout.write(`${printable(JSON.stringify(replay))}\n`)
    return exitCode.ok
  }
  const rows = replays.map(({ name, sink, state, done, rows: count, rowsPerSecond, secondsLeft, error }) => [
    name,
    sink,
    state,
    percent(done),
    count,
    rowsPerSecond,
    secondsLeft === undefined ? '' : `${secondsLeft} s`,
    error ?? '',
  ])
  process.stdout.write(
    `${formatTable(['name', 'sink', 'state', 'done', 'rows', 'rows/s', 'left', 'error'], rows)}\n`,
  )
  return exitCode.ok
}

/** `sluice replay cancel NAME`: cancels one that runs, forgets one that has ended. */
export async function endReplay(name: string, { url }: { readonly url: string }): Promise<number> {
  const response = await new Client(url).fetch('DELETE', `${path}/${encodeURIComponent(name)}`, {})
  // The server's own answer, of the shape its OpenAPI document gives.
  const { forgotten, rows } = (await response.json()) as { forgotten: boolean; rows: number }
  process.stdout.write(
    forgotten
      ? `replay ${name} had ended and is forgotten\n`
      : `replay ${name} is cancelled; the ${rows} rows that it has given stay\n`,
  )
  return exitCode.ok
}

/** The terms that are not 0, in words. */
export function booksText(books: Readonly<Record<string, number>>): string {
  const { handed = 0, ...terms } = books
  const shown = Object.entries(terms).filter(([term, rows]) => rows > 0 || term === 'stored')
  return [`handed ${handed}`, ...shown.map(([term, rows]) => `${term} ${rows}`)].join(', ')
}

function progressOf({ name, state, done, rows, rowsPerSecond, secondsLeft, error }: Replay): string {
  const left = secondsLeft === undefined ? '' : `, ${secondsLeft} s left`
  const why = error === undefined ? '' : `: ${printable(error)}`
  return `${name}: ${state}${why}, ${percent(done)}, ${rows} rows, ${rowsPerSecond} rows/s${left}`
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`
