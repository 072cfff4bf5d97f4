import { z } from 'zod'
import { formatNames } from '../../formats/table.ts'
import { checkTlsFiles, tlsFileOptions } from '../tls-files.ts'

/** Where a RabbitMQ is and who asks: the source and whoever publishes share it. */
export const amqpAddressSchema = z.strictObject({
  url: z
    .string()
    .refine(
      isAmqpUrl,
      'expected amqp://host, amqps://host, either with :port and /VHOST, and nothing behind it',
    )
    .describe(
      '`amqp://host:5672/VHOST`, or `amqps://host:5671/VHOST` for TLS. Without a name of one the virtual host is `/`.',
    ),
  user: z.string().min(1).default('guest').describe('User name.'),
  password: z
    .string()
    .min(1)
    .meta({ secret: true })
    .optional()
    .describe('Its password; that of `guest` is `guest`.'),
  ...tlsFileOptions('RabbitMQ'),
  heartbeatSeconds: z
    .int()
    .min(2)
    .max(3600)
    .default(30)
    .describe('How often both sides say at least that they are there; RabbitMQ may ask for less.'),
  connectTimeoutMs: z.int().min(100).default(10_000).describe('Connected by then.'),
})

/** The options of a source of type `amqp`. */
export const amqpSchema = amqpAddressSchema
  .extend({
    queue: name('The queue or stream to take from.').default('sensor.all.measurements.db_writer'),
    declare: z
      .boolean()
      .default(true)
      .describe(
        'Make the exchange, its three shared queues and their bindings where they are missing. A queue that exists is taken as it is.',
      ),
    exchange: name('The topic exchange that is declared.').default('iot'),
    from: z
      .enum(['first', 'next'])
      .default('first')
      .describe('Where a stream is begun that was never read: its first message, or the next one to come.'),
    unmatched: z
      .enum(['dead-letter', 'ignore'])
      .default('dead-letter')
      .describe(
        'What becomes of a message whose routing key no template under `topics` fits: a dead letter, or acknowledged and counted, and gone.',
      ),
    format: z
      .enum(formatNames)
      .optional()
      .describe('What all bodies are. Without it their content type says so; those without one are JSON.'),
    prefetch: z
      .int()
      .min(1)
      .max(65_535)
      .default(1_000)
      .describe('Messages that RabbitMQ may send before they are acknowledged.'),
    maxUnacknowledgedBytes: z
      .int()
      .min(1)
      .default(16e6)
      .describe('Bytes of messages taken and not acknowledged yet. Beyond it nothing is read from RabbitMQ.'),
  })
  .superRefine((options, context) =>
    checkTlsFiles(options, /^amqps:/i.test(options.url), 'a url with amqps://', context),
  )

export type AmqpAddress = z.output<typeof amqpAddressSchema>
export type AmqpOptions = z.output<typeof amqpSchema>

export interface AmqpPlace {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  readonly vhost: string
}

export function placeOf(url: string): AmqpPlace {
  const { protocol, hostname, port, pathname } = new URL(url)
  const isTls = protocol === 'amqps:'
  const vhost = decodeURIComponent(pathname.slice(1))
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 5671 : 5672) : Number(port),
    isTls,
    vhost: vhost === '' ? '/' : vhost,
  }
}

function name(description: string) {
  // AMQP 0-9-1 §4.2.5.3: a short string
  const isShort = (text: string) => Buffer.byteLength(text) <= 255
  return z.string().min(1).refine(isShort, 'expected at most 255 bytes').describe(description)
}

/** User and password have keys of their own, where they are masked. */
function isAmqpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text)
  const isBare = [username, password, search, hash].every((part) => part === '')
  // One name, with each / in it written %2f.
  return /^amqps?:$/.test(protocol) && hostname !== '' && isBare && isVhost(pathname.slice(1))
}

function isVhost(text: string): boolean {
  try {
    return !text.includes('/') && Buffer.byteLength(decodeURIComponent(text)) <= 255
  } catch {
    return false
  }
}
