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

/** By stream. */
type Rows = ServerStatus['log']['rows']

export interface DrainOptions {
  /** Rows that the log must have at least, by stream. */
  readonly rows: Rows
  /** Nobody else sends: the log must come to rest. */
  readonly isAlone: boolean
  readonly timeoutMs: number
  /** What a log does not hold that has stood still for so long, it has lost: the judge will say what. */
  readonly restMs?: number
  readonly signal: AbortSignal
  /** Told what is still missing, every time. */
  readonly onWait?: (missing: string) => void
}

const lookMs = 100
const longestRestMs = 30_000

/** Waits until every sink has taken what the log holds now; returns the status of that moment. */
export async function drained(server: Asked, options: DrainOptions): Promise<ServerStatus> {
  const { rows: atLeast, isAlone, timeoutMs, restMs = longestRestMs, signal, onWait } = options
  const endMs = systemClock.monotonicMs() + timeoutMs
  let before: Rows | undefined
  let goal: Rows | undefined
  let looksAtRest = 0
  for (;;) {
    signal.throwIfAborted()
    const status = await readStatus(server)
    const { rows } = status.log
    const isAtRest = JSON.stringify(rows) === JSON.stringify(before)
    // Whoever is not alone looks once more: by then the count has come up with what was acknowledged.
    const isWhole = before !== undefined && (isAtRest || !isAlone) && holds(rows, atLeast)
    looksAtRest = isAtRest ? looksAtRest + 1 : 0
    const isCounted = isWhole || looksAtRest * lookMs >= restMs
    goal = isCounted ? (goal ?? rows) : undefined
    before = rows
    const missing = goal === undefined ? logMissing(rows, atLeast) : sinksMissing(status, goal)
    if (missing === '') return status
    onWait?.(missing)
    if (systemClock.monotonicMs() > endMs)
      throw new Error(`not drained after ${timeoutMs / 1000} s: ${missing}`)
    await wait(lookMs, signal)
  }
}

function holds(rows: Rows, atLeast: Rows): boolean {
  return Object.entries(atLeast).every(([stream, count]) => (rows[stream] ?? 0) >= count)
}

function logMissing(rows: Rows, atLeast: Rows): string {
  return `the log has ${JSON.stringify(rows)} rows, of ${JSON.stringify(atLeast)} at least, and is not at rest`
}

/** What a sink has not taken yet; '' if nothing. */
function sinksMissing({ log, sinks }: ServerStatus, goal: Rows): string {
  const missing: string[] = []
  for (const { name, stream, backlog, state, error } of sinks) {
    const isWell = state !== 'down' && state !== 'retrying'
    if (isWell && backlog !== undefined && (log.rows[stream] ?? 0) - backlog >= (goal[stream] ?? 0)) continue
    const why = error === undefined ? '' : `: ${error}`
    missing.push(`${name} has ${backlog ?? 'unknown many'} rows of ${stream} before it and is ${state}${why}`)
  }
  return missing.join('; ')
}
