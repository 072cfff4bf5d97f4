import { setTimeout as delay } from 'node:timers/promises'
import type { KeyedState } from '../../src/core/keyed-state.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import type { FeedSource, FeedStatus } from '../../src/core/source.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createRouter, defaultTopics } from '../../src/formats/topics.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { SourceParts } from '../../src/sources/component.ts'
import { type Gate, openGate } from './gate.ts'

/** One attempt of a source at its server, into an intake with a log in memory. */
export interface SourceFeed<S extends FeedSource> extends Gate {
  readonly source: S
  /** What it logged, by level. */
  readonly lines: string[]
  /** Ends as the attempt does. */
  readonly ended: Promise<void>
  /** Resolves once the status is so. */
  until(isSo: (status: FeedStatus) => boolean, what: string): Promise<FeedStatus>
  stop(): Promise<void>
}

export function openFeedGate(options: Parameters<typeof openGate>[0] = {}): Promise<Gate> {
  return openGate({ deadLetters: { maxBytes: 1e7 }, ...options })
}

/** What the program would give a source; `lines` grows by what it logs. */
export function sourceParts(name: string, lines: string[], more: Partial<SourceParts> = {}): SourceParts {
  const line = (level: string) => (fields: object, message: string) =>
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  return {
    name,
    formats: createFormats(defaultRecordLimits).named,
    router: createRouter(defaultTopics, defaultRecordLimits),
    limits: defaultRecordLimits,
    clock: systemClock,
    logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    state: noState,
    instance: 'a1',
    ...more,
  }
}

const noState: KeyedState = { get: () => undefined, entries: () => [] }

export function runOnce<S extends FeedSource>(source: S, gate: Gate, lines: string[]): SourceFeed<S> {
  const stopping = new AbortController()
  const ended = source.run(gate.intake, stopping.signal)
  let failure: unknown
  ended.catch((error: unknown) => (failure = error)) // who looks at `ended` hears of it too
  return {
    ...gate,
    source,
    lines,
    ended,
    until: (isSo, what) =>
      statusOnce(
        () => {
          const status = source.status()
          if (failure !== undefined && !isSo(status))
            throw new Error(`the attempt ended before ${what}`, { cause: failure })
          return status
        },
        isSo,
        what,
        lines,
      ),
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

/** A server that makes an election, or rebalances a group, takes its time on a busy machine. */
const longestMs = 180_000

/** The status, once it is so; where it never is, the error holds what was logged. */
export async function statusOnce<Status>(
  status: () => Status,
  isSo: (status: Status) => boolean,
  what: string,
  lines: readonly string[],
): Promise<Status> {
  const deadline = performance.now() + longestMs
  for (;;) {
    const now = status()
    if (isSo(now)) return now
    if (performance.now() > deadline)
      throw new Error(`not within ${longestMs} ms: ${what}: ${JSON.stringify(now)}\n${lines.join('\n')}`)
    await delay(5)
  }
}
