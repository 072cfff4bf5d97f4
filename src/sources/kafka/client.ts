import net from 'node:net'
import type { ConsumerOptions } from '@platformatic/kafka'
import { readTlsFiles } from '../tls-files.ts'
import type { KafkaOptions } from './options.ts'

export type ClientOptions = Pick<
  ConsumerOptions<Buffer, Buffer, Buffer, Buffer>,
  'clientId' | 'bootstrapBrokers' | 'tls' | 'tlsServerName' | 'sasl'
>

/** How to reach and greet the brokers. Reads the certificates anew, so that renewed ones hold from the next attempt on. */
export function clientOptions(options: KafkaOptions, clientId: string): ClientOptions {
  const { brokers, tls, sasl, user, password } = options
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    ...(tls && {
      tls: readTlsFiles(options),
      // Some clusters tell brokers apart by it; an address is not allowed there (RFC 6066 §3).
      tlsServerName: brokers.every((broker) => net.isIP(hostOf(broker)) === 0),
    }),
    ...(sasl !== undefined &&
      user !== undefined &&
      password !== undefined && { sasl: { mechanism: mechanisms[sasl], username: user, password } }),
  }
}

function hostOf(broker: string): string {
  return broker.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

/** A member of the group, by the classic protocol, which every broker since 0.11 speaks. */
export function groupOptions(client: ClientOptions, options: KafkaOptions) {
  const { group, sessionTimeoutMs } = options
  // The library wants it no shorter than the session.
  const rebalanceTimeoutMs = Math.max(20_000, sessionTimeoutMs)
  return {
    ...client,
    groupId: group,
    autocommit: false,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    heartbeatInterval: Math.min(3_000, Math.round(sessionTimeoutMs / 3)),
    heartbeatStallTimeout: sessionTimeoutMs,
    // Whoever runs the source begins anew after a failure; this is for what passes within moments.
    retries: 5,
    retryDelay: 200,
    // A join is answered when all members have joined.
    requestTimeout: rebalanceTimeoutMs + 10_000,
    metadataMaxAge: 30_000,
  }
}
