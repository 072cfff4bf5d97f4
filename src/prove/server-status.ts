import type { DoorBooks } from '../core/intake.ts'
import type { SinkBooks } from '../core/sink.ts'
import { systemClock } from '../lib/clock.ts'
import { wait } from '../lib/wait.ts'

/** A server that is asked over HTTP. */
export interface Asked {
  /** What `GET path` answers. @throws Error if it is not 200. */
  get(path: string): Promise<unknown>
}

/** The part of `GET /status` that a proof looks at. */
export interface ServerStatus {
  readonly addresses: Readonly<Record<string, string>>
  readonly log: {
    /** Rows written per stream since the log was created. */
    readonly rows: Readonly<Record<string, number>>
    readonly tornTails: number
    readonly damagedFrames: number
  }
  readonly books: DoorBooks & { readonly balanced: boolean }
  readonly sinks: readonly SinkStatus[]
  readonly alarms: readonly { readonly code: string; readonly message: string }[]
}

export interface SinkStatus {
  readonly name: string
  readonly stream: string
  readonly state: string
  readonly error?: string
  readonly books: SinkBooks
  readonly balanced: boolean
  /** Rows of its stream that it has not taken; undefined while it has not said where it stands. */
  readonly backlog?: number
}

/** A Sluice by its address. */
export function askedAt(url: string): Asked {
  return {
    async get(path) {
      const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(10_000) })
      const body = await response.text()
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${body.slice(0, 500)}`)
      const answer: unknown = JSON.parse(body)
      return answer
    },
  }
}

export async function readStatus(server: Asked): Promise<ServerStatus> {
  return (await server.get('/status')) as ServerStatus // as: the server's own answer; a missing member fails the reader
}

export interface DrainOptions {
  /** Rows that the log must have at least, by stream: its own count follows its commits at a small distance. */
  readonly rows: Readonly<Record<string, number>>
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Told what is still missing, every time. */
  readonly onWait?: (missing: string) => void
}

const lookMs = 100

/** Waits until the log takes nothing more and every sink has taken everything of it; returns that status. */
export async function drained(server: Asked, options: DrainOptions): Promise<ServerStatus> {
  const endMs = systemClock.monotonicMs() + options.timeoutMs
  let before = ''
  for (;;) {
    options.signal.throwIfAborted()
    const status = await readStatus(server)
    const missing = missingOf(status, options.rows)
    const rows = JSON.stringify(status.log.rows)
    if (missing === '' && rows === before) return status
    before = rows
    options.onWait?.(missing)
    if (systemClock.monotonicMs() > endMs)
      throw new Error(`not drained after ${options.timeoutMs / 1000} s: ${missing || 'the log still grows'}`)
    await wait(lookMs, options.signal)
  }
}

/** What the log or a sink has not taken yet; '' if nothing. */
function missingOf({ log, sinks }: ServerStatus, atLeast: Readonly<Record<string, number>>): string {
  const missing = Object.entries(atLeast)
    .filter(([stream, rows]) => (log.rows[stream] ?? 0) < rows)
    .map(([stream, rows]) => `the log has ${log.rows[stream] ?? 0} of ${rows} rows of ${stream}`)
  for (const { name, stream, backlog, state, error } of sinks) {
    if (backlog === 0) continue
    const why = error === undefined ? '' : `: ${error}`
    missing.push(`${name} has ${backlog ?? 'unknown many'} rows of ${stream} before it, is ${state}${why}`)
  }
  return missing.join('; ')
}
