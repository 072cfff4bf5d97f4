import { z } from 'zod'

const kib = 1024
const mib = 1024 * kib

const tls = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address to listen on. Off loopback it needs identity.'),
    port: z.int().min(0).max(65535).default(8883).describe('0 takes any free port.'),
    certFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The certificate and those between it and its authority, as PEM. With `keyFile` it opens the door.',
      ),
    keyFile: z.string().min(1).optional().describe('The private key of the certificate, as PEM.'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('Authorities that sign the certificates of clients, as PEM.'),
    clientCertificates: z
      .enum(['none', 'optional', 'required'])
      .default('none')
      .describe(
        'Whether clients show a certificate. One that is shown must be signed by an authority of `caFile`.',
      ),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('The oldest version of TLS.'),
    handshakeTimeoutMs: z.int().min(100).default(10_000).describe('The handshake must be done by then.'),
    maxHandshakesPerAddress: z
      .int()
      .min(1)
      .default(256)
      .describe('Handshakes with one address at once; connections beyond it are refused.'),
  })
  .prefault({})
  .describe(
    'MQTT over TLS, where `certFile` and `keyFile` are given. The files are looked at each second: new certificates hold for new connections, and no restart is needed.',
  )

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
    .describe('QoS 1 and 2 messages that a client of MQTT 5 may have unfinished.'),
  maxKeepAliveSeconds: z
    .int()
    .min(0)
    .max(65535)
    .default(0)
    .describe('Longest keep-alive of MQTT 5 clients, told them as Server Keep Alive; 0 leaves it to them.'),
  maxTopicLevels: z.int().min(1).max(65_535).default(128).describe('Levels of a topic or a filter.'),
  topicAliasMaximum: z
    .int()
    .min(0)
    .max(65_535)
    .default(32)
    .describe('Topic aliases of an MQTT 5 client, in each direction.'),
  messagesPerSecond: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'Messages of one client each second; ten seconds’ worth may come at once. Beyond it the client is read more slowly. 0 is no limit.',
    ),
  maxSessions: z
    .int()
    .min(1)
    .default(100_000)
    .describe('Sessions, those of clients that are away among them.'),
  maxSessionExpirySeconds: z
    .number()
    .min(0)
    .default(7 * 86_400)
    .describe('How long a session may live without its client; MQTT 3.1.1 asks for this by clean session 0.'),
  maxInFlight: z
    .int()
    .min(1)
    .max(65_535)
    .default(1_000)
    .describe('QoS 1 and 2 messages on their way to one client, whatever its Receive Maximum.'),
  maxQueuedBytes: z
    .int()
    .min(1 * kib)
    .default(16 * mib)
    .describe('Messages that wait for one session: beyond it, new ones are lost to it and counted.'),
  maxQueuedTotalBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib)
    .describe('Messages that wait for all sessions together; one that many wait for counts once.'),
  maxRetainedMessages: z.int().min(0).default(100_000).describe('Topics with a retained message.'),
  maxRetainedBytes: z
    .int()
    .min(0)
    .default(64 * mib)
    .describe('Retained messages, their topics and the levels of these, as they stand in memory.'),
  maxWillBytes: z
    .int()
    .min(0)
    .default(64 * mib)
    .describe('Wills of all sessions; one that is beyond it is refused with its connection.'),
  refuseSubscriptions: z
    .array(z.string().min(1))
    .default([])
    .describe('Filters that nobody may subscribe to, as clients write them.'),
  maxSubscriptionsPerConnection: z.int().min(0).default(1_000).describe('Filters that one client may hold.'),
  maxSubscriptionBytes: z
    .int()
    .min(1 * kib)
    .default(64 * mib)
    .describe('Filters of all sessions and their levels, as they stand in memory.'),
  matchCacheBytes: z
    .int()
    .min(0)
    .default(32 * mib)
    .describe('What is remembered of who subscribes to the topics that come.'),
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
    .describe(
      'Unfinished packets above 16 KiB, of all connections. Beyond it the connection goes whose packet is the oldest.',
    ),
  packetTimeoutMs: z
    .int()
    .min(100)
    .default(60_000)
    .describe(
      'A packet must be whole so long after its first byte; the time in which nothing is read is not counted.',
    ),
  drainMs: z
    .int()
    .min(0)
    .default(3_000)
    .describe('How long a closing connection waits for its acknowledgements.'),
  webSocket: z
    .boolean()
    .default(true)
    .describe('MQTT over WebSocket at `/mqtt` of the HTTP port. A frame may be as large as a packet.'),
  tls,
})

export type MqttConfig = z.output<typeof mqttConfig>

/** Whether there is a TLS door. */
export function hasTls({ tls }: MqttConfig): boolean {
  return tls.certFile !== undefined && tls.keyFile !== undefined
}
