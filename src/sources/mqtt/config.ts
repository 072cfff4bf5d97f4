import { z } from 'zod'

const kib = 1024
const mib = 1024 * kib

/** The section `mqtt` of the configuration. Bytes and milliseconds are in the names. */
export const mqttConfig = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes any free port. */
  port: z.int().min(0).max(65535).default(1883),
  maxConnections: z.int().min(1).default(10_000),
  maxConnectionsPerAddress: z.int().min(1).default(2_000),
  /** CONNECT must be there, and be no larger. */
  connectTimeoutMs: z.int().min(100).default(10_000),
  maxConnectBytes: z
    .int()
    .min(1 * kib)
    .default(64 * kib),
  /** Advertised to MQTT 5 clients: a batch of 4 MiB with its topic and properties. */
  maxPacketBytes: z
    .int()
    .min(1 * kib)
    .max(256 * mib)
    .default(4 * mib + 2 * kib),
  maxClientIdBytes: z.int().min(23).max(65535).default(256),
  /** QoS 1 messages that a client may have unacknowledged. */
  receiveMaximum: z.int().min(1).max(65535).default(65535),
  /** Longest keep-alive for MQTT 5 clients, as Server Keep Alive; 0 leaves it to them. */
  maxKeepAliveSeconds: z.int().min(0).max(65535).default(0),
  maxSubscriptionsPerConnection: z.int().min(0).default(1_000),
  /** What may wait for one peer, and for all: a subscriber beyond that loses messages. */
  outboundBytes: z
    .int()
    .min(1 * kib)
    .default(1 * mib),
  outboundTotalBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib),
  /** A peer that takes nothing for so long is disconnected. */
  stallMs: z.int().min(100).default(30_000),
  /** Unfinished packets above 64 KiB, of all connections. */
  assemblyTotalBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib),
  /** How long a closing connection waits for its acknowledgements. */
  drainMs: z.int().min(0).default(3_000),
})

export type MqttConfig = z.output<typeof mqttConfig>
