import { z } from 'zod'
import { formatNames } from '../../formats/table.ts'
import { checkTlsFiles, tlsFileOptions } from '../tls-files.ts'

/** The options of a source of type `mqtt-broker`. */
export const brokerSchema = z
  .strictObject({
    url: z
      .string()
      .refine(isBrokerUrl, 'expected mqtt://host, mqtts://host or either with :port, and nothing behind it')
      .describe('`mqtt://host:1883`, or `mqtts://host:8883` for TLS.'),
    topics: z
      .array(z.string().refine(isSubscription, 'expected a filter such as dev/# or $share/GROUP/dev/#'))
      .min(1)
      .default(['$share/ingestion/dev/#', '$share/ingestion/uns/#'])
      .describe(
        'Filters to subscribe to, at QoS 1. All replicas share the messages of a filter `$share/GROUP/…`; of another one each replica takes all.',
      ),
    unmatched: z
      .enum(['dead-letter', 'ignore'])
      .default('dead-letter')
      .describe(
        'What becomes of a message whose topic no template under `topics` fits: a dead letter, or acknowledged and counted, and gone.',
      ),
    format: z
      .enum(formatNames)
      .optional()
      .describe('What all payloads are. Without it their content type says so (MQTT 5), else they are JSON.'),
    version: z
      .enum(['5', '3.1.1'])
      .default('5')
      .describe('Of the protocol. Under 3.1.1 the broker alone decides how many messages are under way.'),
    clientIdPrefix: z
      .string()
      .regex(/^[0-9a-zA-Z_-]{1,64}$/, 'expected letters, digits, - and _')
      .default('sluice')
      .describe('The client id is this, the id of the data folder and the name of the source.'),
    user: z.string().min(1).optional().describe('User name, if the broker asks for one.'),
    password: z.string().min(1).meta({ secret: true }).optional().describe('Its password.'),
    ...tlsFileOptions('the broker'),
    keepAliveSeconds: z
      .int()
      .min(2)
      .max(65_535)
      .default(30)
      .describe('A broker that has said nothing for one and a half times this long is taken for gone.'),
    sessionExpirySeconds: z
      .int()
      .min(60)
      .max(0xffff_fffe)
      .default(7 * 86_400)
      .describe('How long the broker keeps messages for a Sluice that is away (MQTT 5).'),
    connectTimeoutMs: z.int().min(100).default(10_000).describe('Connected and subscribed by then.'),
    receiveMaximum: z
      .int()
      .min(1)
      .max(65_535)
      .default(2_000)
      .describe('Messages that the broker may send before they are acknowledged (MQTT 5).'),
    maxUnacknowledgedBytes: z
      .int()
      .min(1)
      .default(16e6)
      .describe(
        'Bytes of messages taken and not acknowledged yet. Beyond it nothing is read from the broker.',
      ),
  })
  .superRefine((options, context) => {
    checkTlsFiles(options, /^mqtts:/i.test(options.url), 'a url with mqtts://', context)
    const { user, password } = options
    // MQTT 3.1.1 §3.1.2.9
    if (password !== undefined && user === undefined)
      context.addIssue({ code: 'custom', path: ['password'], message: 'needs user beside it' })
  })

export type BrokerOptions = z.output<typeof brokerSchema>

export interface BrokerAddress {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
}

export function addressOf(url: string): BrokerAddress {
  const { protocol, hostname, port } = new URL(url)
  const isTls = protocol === 'mqtts:'
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 8883 : 1883) : Number(port),
    isTls,
  }
}

/** MQTT 5 §4.7.1: `+` alone in its level, `#` alone in the last. §4.8.2: the name of a share is a level without either. */
function isSubscription(text: string): boolean {
  const isShared = /^\$share(?:\/|$)/.test(text)
  const filter = isShared ? (/^\$share\/[^/+#]+\/(.*)$/s.exec(text)?.[1] ?? '') : text
  if (filter === '' || text.includes('\0') || Buffer.byteLength(text) > 65_535) return false
  return /^(?:#|(?:\+|[^/+#]*)(?:\/(?:\+|[^/+#]*))*(?:\/#)?)$/.test(filter)
}

/** User and password have keys of their own, where they are masked. */
function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text)
  const isBare = [username, password, search, hash].every((part) => part === '')
  return /^mqtts?:$/.test(protocol) && hostname !== '' && isBare && (pathname === '' || pathname === '/')
}
