import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { KeyedState } from '../../src/core/keyed-state.ts'
import { BrokerSource } from '../../src/sources/broker/broker-source.ts'
import { brokerSchema } from '../../src/sources/broker/options.ts'
import { openFeedGate, runOnce, type SourceFeed, sourceParts } from './source-feed.ts'

export type BrokerFeed = SourceFeed<BrokerSource>

export interface FeedOptions {
  readonly instance?: string
  readonly gate?: Parameters<typeof openFeedGate>[0]
  readonly state?: KeyedState
}

export async function feedFrom(
  url: string,
  options: object = {},
  { gate, ...parts }: FeedOptions = {},
): Promise<BrokerFeed> {
  const lines: string[] = []
  const source = new BrokerSource(
    brokerSchema.parse({ url, ...options }),
    sourceParts('factory', lines, parts),
  )
  return runOnce(source, await openFeedGate(gate), lines)
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
