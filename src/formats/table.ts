import type { Format } from '../core/format.ts'
import type { RecordLimits } from '../core/limits.ts'
import { createGobFormat } from './gob/gob-format.ts'
import { createJsonFormat } from './json/json-format.ts'
import { createReadingFormat } from './protobuf/reading-format.ts'
import { createSensorReadingFormat } from './protobuf/sensor-reading-format.ts'

/** What a configuration may call them. One that reads a single message of somebody else has that message's full name. */
export const formatNames = ['json', 'protobuf', 'sensor.SensorReading', 'gob'] as const

export type FormatName = (typeof formatNames)[number]

/** Every format there is. They keep caches of one intake, so they belong to one. */
export interface Formats extends Readonly<Record<FormatName, Format>> {
  /** That of a word of the configuration or of a content type, JSON where neither says anything; undefined: nobody reads it. */
  readonly named: (type: string | undefined) => Format | undefined
  /** That of a content type that says protobuf, and maybe which message; undefined: it says something else, or one that nobody reads. */
  readonly protobufOf: (contentType: string) => Format | undefined
}

export function createFormats(limits: RecordLimits): Formats {
  const json = createJsonFormat(limits)
  const byName: Readonly<Record<FormatName, Format>> = {
    json,
    protobuf: createReadingFormat(limits),
    'sensor.SensorReading': createSensorReadingFormat(limits),
    gob: createGobFormat(limits),
  }
  const byMessage: Readonly<Record<string, Format>> = {
    'sluice.v1.Reading': byName.protobuf,
    'sluice.v1.ReadingBatch': byName.protobuf,
    'sensor.SensorReading': byName['sensor.SensorReading'],
  }
  const protobufOf = (contentType: string): Format | undefined => {
    const [name = '', ...parameters] = contentType.split(';').map((part) => part.trim())
    if (!isProtobuf.has(name.toLowerCase())) return undefined
    const message = protobufMessage(parameters)
    return Object.hasOwn(byMessage, message) ? byMessage[message] : undefined
  }
  const named = (type: string | undefined): Format | undefined => {
    if (type === undefined) return json
    if (isFormatName(type)) return byName[type]
    const name = type.replace(/;.*$/s, '').trim().toLowerCase()
    if (isJson.has(name) || name.endsWith('+json')) return json // RFC 6839 §3.1
    return name === 'application/gob' ? byName.gob : protobufOf(type)
  }
  return { ...byName, named, protobufOf }
}

const isJson: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'text/json',
  // They say nothing of what the bytes are.
  'text/plain',
  'application/octet-stream',
])

const isProtobuf: ReadonlySet<string> = new Set([
  'application/x-protobuf',
  'application/protobuf',
  'application/vnd.google.protobuf',
])

export function isFormatName(type: string): type is FormatName {
  return (formatNames as readonly string[]).includes(type)
}

/** The message that a content type's parameters name (`proto=` or `messageType=`); '' where they name a way of writing it that nobody reads. */
function protobufMessage(parameters: readonly string[]): string {
  let message = 'sluice.v1.Reading'
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=').map((part) => part.trim().replace(/^"(.*)"$/, '$1'))
    if (/^(proto|messagetype)$/i.test(name)) message = value
    else if (/^encoding$/i.test(name) && !/^binary$/i.test(value)) return ''
  }
  return message
}
