import { setTimeout as delay } from 'node:timers/promises'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { KeyedState } from '../../src/core/keyed-state.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import type { FeedStatus } from '../../src/core/source.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createRouter, defaultTopics } from '../../src/formats/topics.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { BrokerSource } from '../../src/sources/broker/broker-source.ts'
import { brokerSchema } from '../../src/sources/broker/options.ts'
import { type Gate, openGate } from './gate.ts'

/** One attempt of a source at a broker, into an intake with a log in memory. */
export interface BrokerFeed extends Gate {
  readonly source: BrokerSource
  /** What it logged, by level. */
  readonly lines: string[]
  /** Ends as the attempt does. */
  readonly ended: Promise<void>
  /** Resolves once the status is so. */
  until(isSo: (status: FeedStatus) => boolean, what: string): Promise<FeedStatus>
  stop(): Promise<void>
}

export interface FeedOptions {
  readonly instance?: string
  readonly gate?: Parameters<typeof openGate>[0]
  readonly state?: KeyedState
}

export async function feedFrom(
  url: string,
  options: object = {},
  more: FeedOptions = {},
): Promise<BrokerFeed> {
  const gate = await openGate({ deadLetters: { maxBytes: 1e7 }, ...more.gate })
  const lines: string[] = []
  const line = (level: string) => (fields: object, message: string) =>
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  const source = new BrokerSource(brokerSchema.parse({ url, ...options }), {
    name: 'factory',
    formats: createFormats(defaultRecordLimits).named,
    router: createRouter(defaultTopics, defaultRecordLimits),
    limits: defaultRecordLimits,
    clock: systemClock,
    logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    state: more.state ?? { get: () => undefined, entries: () => [] },
    instance: more.instance ?? 'a1',
  })
  const stopping = new AbortController()
  const ended = source.run(gate.intake, stopping.signal)
  ended.catch(() => undefined) // who looks at `ended` hears of it
  return {
    ...gate,
    source,
    lines,
    ended,
    until: (isSo, what) => statusOf(source, ended, isSo, what),
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

async function statusOf(
  source: BrokerSource,
  ended: Promise<void>,
  isSo: (status: FeedStatus) => boolean,
  what: string,
): Promise<FeedStatus> {
  const deadline = performance.now() + 30_000
  let failure: unknown
  ended.catch((error: unknown) => (failure = error))
  for (;;) {
    const status = source.status()
    if (isSo(status)) return status
    if (failure !== undefined) throw new Error(`the attempt ended before ${what}`, { cause: failure })
    if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}: ${JSON.stringify(status)}`)
    await delay(5)
  }
}

/** A client that publishes at QoS 1 and waits for nobody to come back. */
export function publisherAt(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  return connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options })
}

/** Publishes the payloads; each has its acknowledgement by the time this resolves. */
export async function publishAll(
  client: MqttClient,
  topic: string,
  payloads: Iterable<string | Buffer>,
): Promise<void> {
  await Promise.all([...payloads].map((payload) => client.publishAsync(topic, payload, { qos: 1 })))
}
