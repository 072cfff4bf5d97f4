import { z } from 'zod'

const kib = 1024
const mib = 1024 * kib

/** The section `mqtt` of the configuration. Bytes and milliseconds are in the names. */
export const mqttConfig = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Off loopback it needs identity.'),
  port: z.int().min(0).max(65535).default(1883).describe('0 takes any free port.'),
  maxConnections: z.int().min(1).default(10_000).describe('Connections in all.'),
  maxConnectionsPerAddress: z.int().min(1).default(2_000).describe('Connections from one address.'),
  connectTimeoutMs: z.int().min(100).default(10_000).describe('CONNECT must be there by then.'),
  maxConnectBytes: z
    .int()
    .min(1 * kib)
    .default(64 * kib)
    .describe('CONNECT may be no larger.'),
  maxPacketBytes: z
    .int()
    .min(1 * kib)
    .max(256 * mib)
    .default(4 * mib + 2 * kib)
    .describe('Advertised to MQTT 5 clients: a batch of 4 MiB with its topic and properties.'),
  maxClientIdBytes: z.int().min(23).max(65535).default(256).describe('A client id may be no longer.'),
  receiveMaximum: z
    .int()
    .min(1)
    .max(65535)
    .default(65535)
    .describe('QoS 1 messages that a client may have unacknowledged.'),
  maxKeepAliveSeconds: z
    .int()
    .min(0)
    .max(65535)
    .default(0)
    .describe('Longest keep-alive of MQTT 5 clients, told them as Server Keep Alive; 0 leaves it to them.'),
  maxSubscriptionsPerConnection: z.int().min(0).default(1_000).describe('Filters that one client may hold.'),
  outboundBytes: z
    .int()
    .min(1 * kib)
    .default(1 * mib)
    .describe('What may wait for one peer: a subscriber beyond it loses messages.'),
  outboundTotalBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib)
    .describe('What may wait for all peers together.'),
  stallMs: z
    .int()
    .min(100)
    .default(30_000)
    .describe('A peer that takes nothing for so long is disconnected.'),
  assemblyTotalBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib)
    .describe('Unfinished packets above 16 KiB, of all connections.'),
  drainMs: z
    .int()
    .min(0)
    .default(3_000)
    .describe('How long a closing connection waits for its acknowledgements.'),
})

export type MqttConfig = z.output<typeof mqttConfig>
