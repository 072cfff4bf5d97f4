import type { SourceSnapshot } from '../../src/api/snapshot.ts'
import { SourceRunner } from '../../src/app/source-runner.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { kafkaSchema } from '../../src/sources/kafka/options.ts'
import { KafkaSource } from '../../src/sources/kafka/source.ts'
import type { Gate } from './gate.ts'
import { openFeedGate, sourceParts, statusOnce } from './source-feed.ts'

/** A Kafka source, run attempt after attempt, into an intake with a log in memory. */
export interface KafkaFeed extends Gate, AsyncDisposable {
  readonly runner: SourceRunner
  /** What it logged, by level. */
  readonly lines: string[]
  /** Resolves once the status is so. */
  until(isSo: (status: SourceSnapshot) => boolean, what: string): Promise<SourceSnapshot>
  stop(): Promise<void>
}

export async function kafkaFeed(
  brokers: string,
  topic: string,
  options: object = {},
  gateOptions: Parameters<typeof openFeedGate>[0] = {},
  /** What it kept in an earlier run. */
  state: ReadonlyMap<string, string> = new Map(),
): Promise<KafkaFeed> {
  const gate = await openFeedGate(gateOptions)
  const lines: string[] = []
  const parts = sourceParts('plant', lines, {
    state: {
      get: (key) => (state.has(key) ? Buffer.from(state.get(key) ?? '') : undefined),
      entries: () => [],
    },
  })
  const source = new KafkaSource(
    kafkaSchema.parse({
      brokers: [brokers],
      topics: [topic],
      group: `g-${topic}`,
      sessionTimeoutMs: 6_000,
      ...options,
    }),
    parts,
  )
  const runner = new SourceRunner('kafka', source, gate.intake, systemClock, parts.logger)
  runner.start()
  return {
    ...gate,
    runner,
    lines,
    until: (isSo, what) => statusOnce(() => runner.status, isSo, what, lines),
    stop: () => runner.stop(),
    [Symbol.asyncDispose]: () => runner.stop(),
  }
}
