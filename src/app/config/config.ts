import { z } from 'zod'
import { defaultRecordLimits } from '../../core/limits.ts'
import { formatNames } from '../../formats/table.ts'
import { mqttConfig } from '../../sources/mqtt/config.ts'

/*
 * Every key of the configuration. What a key means stands in `.describe`, from which docs/operations.md is printed.
 * A number's unit is the last word of its key: under `…Bytes` people may write "64 KiB", under `…Ms`, `…Micros`, `…Seconds`
 * and `…Days` "7d" (quantity.ts); the checked value is a number in the unit of its name.
 */

const kib = 1024

const section = <S extends z.core.$ZodShape>(description: string, shape: S) =>
  z.strictObject(shape).prefault(emptyInput<S>()).describe(description)

/** Every key of a section has a default, so an empty one is an input of it. */
function emptyInput<S extends z.core.$ZodShape>(): z.input<z.ZodObject<S>> {
  return {} as z.input<z.ZodObject<S>>
}

const host = z
  .string()
  .min(1)
  .default('127.0.0.1')
  .describe('Address to listen on. Off loopback it needs identity.')
const port = (number: number) => z.int().min(0).max(65_535).default(number).describe('0 takes any free port.')
const bytes = (number: number, description: string) => z.int().min(1).default(number).describe(description)
const rows = (number: number, description: string) =>
  z.int().min(1).max(1_048_576).default(number).describe(description)
const linger = (description: string) => z.number().min(0).max(60_000).default(0).describe(description)
const pattern = z.string().min(1)

const http = section('The HTTP door: REST, web app, live connections.', {
  host,
  port: port(8080),
  hosts: z
    .array(
      z
        .string()
        .toLowerCase()
        .regex(
          /^(\[[0-9a-f:.]+\]|[^\s*/:@]+)$/,
          'expected a name such as sluice.example.org, without * and port',
        ),
    )
    .default([])
    .describe('Names beside those of loopback by which the server may be addressed (the Host header).'),
  origins: z
    .array(z.string().regex(/^https?:\/\/[^/\s*]+$/, 'expected an origin such as https://example.org'))
    .default([])
    .describe('Web origins that may send anything but GET, and open WebSockets.'),
})

const mqtt = mqttConfig.prefault({}).describe('The MQTT door.')

const grpc = section('The gRPC door. Nothing listens here yet.', { host, port: port(50_051) })

const live = section('Live connections (`/ws`). Whoever sends more than its budget is cut off.', {
  framesPerSecond: z
    .number()
    .positive()
    .default(20)
    .describe('Frames that a client may send each second; ten seconds’ worth may come at once.'),
  bytesPerSecond: z
    .number()
    .positive()
    .default(64 * kib)
    .describe('Bytes that a client may send each second; ten seconds’ worth may come at once.'),
  maxFrameBytes: bytes(64 * kib, 'The largest frame of a client.'),
  maxSubscriptions: z.int().min(1).default(100).describe('Subscriptions of one client.'),
})

const log = section('The log, where everything is safe before it is acknowledged.', {
  retentionDays: z
    .number()
    .positive()
    .max(36_500)
    .default(7)
    .describe('How long rows are kept. What a sink still needs is kept longer.'),
  maxBytes: bytes(20e9, 'Size on disk. Where sinks still need everything, senders are refused beyond it.'),
  segmentBytes: z
    .int()
    .min(64 * kib)
    .max(2 ** 30)
    .default(64e6)
    .describe('Size of one file of the log: the piece in which retention removes.'),
  diskReserveBytes: z
    .int()
    .min(0)
    .default(256e6)
    .describe('Disk space left free for stores and queries; below it senders are refused.'),
  lingerMs: linger(
    'How long a commit waits for more. 0: commits form by themselves while the last one syncs.',
  ),
  maxRows: rows(32_768, 'Rows after which a commit goes to the log at once.'),
})

const pipeline = section('How sinks are fed from the log.', {
  maxRows: rows(65_536, 'Most rows handed to a sink in one write.'),
  lingerMs: linger('How long a write waits for more. 0: rows gather by themselves while a sink is busy.'),
})

const limits = section(
  'What one record, and all series together, may be. Beyond it the sender gets an answer.',
  {
    payloadBytes: bytes(defaultRecordLimits.payloadBytes, 'One message that is no array.'),
    batchBytes: bytes(defaultRecordLimits.batchBytes, 'Arrays and batches, at every door.'),
    topicBytes: z
      .int()
      .min(1)
      .max(65_535)
      .default(defaultRecordLimits.topicBytes)
      .describe('A topic or a name.'),
    textBytes: bytes(defaultRecordLimits.textBytes, 'A text value.'),
    depth: z
      .int()
      .min(1)
      .max(64)
      .default(defaultRecordLimits.depth)
      .describe('Nested objects in a generic payload.'),
    aheadMicros: z
      .number()
      .min(0)
      .default(defaultRecordLimits.aheadMicros)
      .describe('How far a time may lie ahead of its receipt.'),
    series: z.int().min(1).default(1_000_000).describe('Series in total.'),
    seriesPerDevice: z.int().min(1).default(10_000).describe('Series of one device.'),
  },
)

const template = z
  .string()
  .min(1)
  .refine(
    isTemplate,
    'expected levels with {device}, {device...} or {metric}, each at most once and no + or #',
  )

const shownFormats = formatNames.map((name) => `\`${name}\``).join(', ')

const topics = z
  .array(
    z.union([
      template,
      z.strictObject({
        topic: template,
        format: z.enum(formatNames).describe('What all payloads of these topics are.'),
      }),
    ]),
  )
  .default([
    'dev/{device...}/{metric}',
    'uns/{device...}/{metric}',
    'devices/telemetry',
    'sensor.{device}.measurements',
    'devices/{device}/telemetry',
  ])
  .describe(
    'MQTT topics whose messages are readings, and the names they carry. Any other topic is plain MQTT. What the payloads are, the content type of ' +
      `each message says (MQTT 5), else they are JSON; \`{topic: 'plc/{device}', format: protobuf}\` says it for all of them. Formats are ${shownFormats}.`,
  )

const series = section('What is known of series beforehand.', {
  strict: z.boolean().default(false).describe('true refuses series that are not declared.'),
  declare: z
    .array(
      z.strictObject({
        device: pattern.describe('Devices concerned; * stands for any characters.'),
        metric: pattern.default('*').describe('Metrics concerned; * stands for any characters.'),
        kind: z.enum(['number', 'text']).optional().describe('Refuses values of the other kind.'),
        unit: z.string().max(64).optional().describe('The unit, where senders name none.'),
      }),
    )
    .default([])
    .describe('The first entry that fits a series holds.'),
})

const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected a name of small letters, digits and dashes')
const component = z.looseObject({ type: z.string().describe('Beside it stand the options of that type.') })

/** Sections as they are checked: each by itself, so that a fault in one hides none in another. */
export const configSchema = z.strictObject({
  data: z.string().min(1).default('./data').describe('The data folder: log and embedded stores.'),
  memoryBudgetBytes: z
    .int()
    .min(32e6)
    .default(256e6)
    .describe('Memory for what is on its way. Beyond it senders wait.'),
  http,
  mqtt,
  grpc,
  live,
  auth: section('Identity.', {
    enabled: z.boolean().default(false).describe('Not there yet: only false is accepted.'),
  }),
  log,
  pipeline,
  deadLetters: section('Records that could not be taken, with reason and original bytes.', {
    maxBytes: bytes(1e9, 'Beyond it, undecodable messages are refused. Letters are never evicted unasked.'),
    maxBytesPerDevice: z
      .int()
      .min(1)
      .optional()
      .describe('The same for those of one device; a tenth of `maxBytes` unless given.'),
  }),
  limits,
  topics,
  series,
  sources: z
    .record(name, component)
    .default({})
    .describe(
      'Servers of somebody else that readings are taken from, by name, each with its `type` and the options of that type.',
    ),
  stores: z
    .record(name, component)
    .default({ main: { type: 'duckdb' } })
    .describe(
      'Databases by name, each with its `type` and the options of that type. Written at all, they replace the default.',
    ),
  sinks: z
    .record(name, component)
    .default({})
    .describe('Other places for readings by name, each with its `type` and the options of that type.'),
  pipelines: z
    .record(name, z.strictObject({ processors: z.array(component).default([]).describe('In order.') }))
    .default({})
    .describe('What happens to readings on their way to the store or sink of that name.'),
  logging: section("Sluice's own log lines.", {
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('The least that is written.'),
    format: z
      .enum(['auto', 'json', 'text'])
      .default('auto')
      .describe('`auto`: text on a terminal, else JSON.'),
  }),
})

/** A source, store, sink or processor: its type and its options, as the schema of the type left them. */
export interface ComponentConfig {
  readonly type: string
  readonly options: Readonly<Record<string, unknown>>
}

type Sections = z.output<typeof configSchema>

/** The checked configuration. */
export interface Config extends Omit<Sections, 'sources' | 'stores' | 'sinks' | 'pipelines'> {
  readonly sources: Readonly<Record<string, ComponentConfig>>
  readonly stores: Readonly<Record<string, ComponentConfig>>
  readonly sinks: Readonly<Record<string, ComponentConfig>>
  readonly pipelines: Readonly<Record<string, { readonly processors: readonly ComponentConfig[] }>>
}

function isTemplate(template: string): boolean {
  const names = [...template.matchAll(/\{([^}]*)\}/g)].map((match) => (match[1] ?? '').replace('...', ''))
  const isKnown = names.every((name) => name === 'device' || name === 'metric')
  return (
    isKnown && new Set(names).size === names.length && !/[+#{}]/.test(template.replace(/\{[a-z.]+\}/g, ''))
  )
}
