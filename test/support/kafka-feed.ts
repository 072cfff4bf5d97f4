import { setTimeout as delay } from 'node:timers/promises'
import type { SourceSnapshot } from '../../src/api/snapshot.ts'
import { SourceRunner } from '../../src/app/source-runner.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createRouter, defaultTopics } from '../../src/formats/topics.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { kafkaSchema } from '../../src/sources/kafka/options.ts'
import { KafkaSource } from '../../src/sources/kafka/source.ts'
import { type Gate, openGate } from './gate.ts'

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
  gateOptions: Parameters<typeof openGate>[0] = {},
  /** What it kept in an earlier run. */
  state: ReadonlyMap<string, string> = new Map(),
): Promise<KafkaFeed> {
  const gate = await openGate({ deadLetters: { maxBytes: 1e7 }, ...gateOptions })
  const lines: string[] = []
  const line = (level: string) => (fields: object, message: string) =>
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const source = new KafkaSource(
    kafkaSchema.parse({
      brokers: [brokers],
      topics: [topic],
      group: `g-${topic}`,
      sessionTimeoutMs: 6_000,
      ...options,
    }),
    {
      name: 'plant',
      formats: createFormats(defaultRecordLimits).named,
      router: createRouter(defaultTopics, defaultRecordLimits),
      limits: defaultRecordLimits,
      clock: systemClock,
      logger,
      state: {
        get: (key) => (state.has(key) ? Buffer.from(state.get(key) ?? '') : undefined),
        entries: () => [],
      },
      instance: 'a1',
    },
  )
  const runner = new SourceRunner('kafka', source, gate.intake, systemClock, logger)
  runner.start()
  return {
    ...gate,
    runner,
    lines,
    async until(isSo, what) {
      const deadline = performance.now() + 180_000
      for (;;) {
        const { status } = runner
        if (isSo(status)) return status
        if (performance.now() > deadline)
          throw new Error(`not within a minute: ${what}: ${JSON.stringify(status)}\n${lines.join('\n')}`)
        await delay(10)
      }
    },
    stop: () => runner.stop(),
    [Symbol.asyncDispose]: () => runner.stop(),
  }
}
