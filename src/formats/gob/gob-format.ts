import { byNumber } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Format, RecordRefusal, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { maxMicros, type RecordLimits } from '../../core/limits.ts'
import { good } from '../../core/quality.ts'
import { RecordFault } from '../record-fault.ts'
import { GobOpaque, GobStruct, type GobValue, readGob } from './gob-reader.ts'

/**
 * Three Go structs as `encoding/gob` writes them, a payload each (F9): `Sensor{SerialNumber, SampleFrequency}`,
 * `SensorCommandMessage{SerialNumber, Timestamp, Command, Params}` and `SensorLog{SerialNumber, Timestamp, Level, Message}`. The
 * first two are readings, a log line is a document of the stream `device-logs`.
 */
export function createGobFormat(limits: RecordLimits): Format {
  return { name: 'gob', decode }

  function decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    route: Route,
    intake: Intake,
    refuse: (refusal: RecordRefusal) => void,
  ): number {
    const mark = intake.mark()
    try {
      const size = to - from
      const { payloadBytes } = limits
      if (size > payloadBytes) {
        const why = `the payload has ${size} bytes, limits.payloadBytes is ${payloadBytes}`
        throw new RecordFault('too-large', undefined, why)
      }
      return take(readGob(bytes, from, to), route, intake, limits)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      intake.rollback(mark)
      const field = error instanceof RecordFault ? error.field : undefined
      refuse({ code: error.code, reason: error.message, field, index: 0, from, to })
      return 0
    }
  }
}

function take(value: GobValue, route: Route, intake: Intake, limits: RecordLimits): number {
  const type = value instanceof GobStruct ? value.type : ''
  if (value instanceof GobStruct && isOurs(type))
    return takers[type](new Message(value, route, intake, limits))
  const got = type === '' ? 'no struct with a name' : `the struct ${JSON.stringify(type)}`
  const why = `the gob is ${got}; Sensor, SensorCommandMessage and SensorLog are read`
  throw new RecordFault('undecodable', undefined, why)
}

const takers = { Sensor: takeSensor, SensorCommandMessage: takeCommand, SensorLog: takeLog }

function isOurs(type: string): type is keyof typeof takers {
  return Object.hasOwn(takers, type)
}

function takeSensor(message: Message): number {
  message.add('sample_frequency', 'Hz', message.field('SampleFrequency') ?? 0, 'SampleFrequency')
  return 1
}

/** The command is a text, each of its parameters a value beside it: `command.sampleFrequency`. */
function takeCommand(message: Message): number {
  message.add('command', undefined, message.text('Command'), 'Command')
  const params = message.field('Params') ?? []
  if (!isList(params)) throw new RecordFault('invalid-value', 'Params', 'it is no map')
  let rows = 1
  for (let i = 0; i < params.length; i += 2) {
    const name = params[i]
    const value = params[i + 1]
    if (typeof name !== 'string' || name === '')
      throw new RecordFault('invalid-name', 'Params', 'a parameter has no name')
    if (value === undefined) continue
    message.add(`command.${name}`, undefined, value, `Params.${name}`)
    rows++
  }
  return rows
}

function takeLog(message: Message): number {
  const body = JSON.stringify({ level: message.text('Level'), message: message.text('Message') })
  message.intake.addDocument('device-logs', message.device, message.time, encoder.encode(body))
  return 1
}

const encoder = new TextEncoder()

/** One struct of ours, with what all three have. */
class Message {
  readonly intake: Intake
  readonly device: string
  readonly time: number
  readonly #flags: number
  readonly #value: GobStruct
  readonly #limits: RecordLimits

  constructor(value: GobStruct, route: Route, intake: Intake, limits: RecordLimits) {
    this.intake = intake
    this.#value = value
    this.#limits = limits
    const serial = value.fields.get('SerialNumber') ?? ''
    if (typeof serial !== 'string') throw new RecordFault('invalid-name', 'SerialNumber', 'it is no text')
    const device = serial === '' ? route.device : serial
    if (device === undefined)
      throw new RecordFault('missing-field', 'SerialNumber', 'it is missing, and names the device')
    this.device = this.#checked(device, 'SerialNumber', limits.topicBytes, 'invalid-name')
    const time = timeOf(value.fields.get('Timestamp'))
    if (time !== undefined && time > intake.now + limits.aheadMicros)
      throw new RecordFault('invalid-time', 'Timestamp', 'the time lies too far ahead of its receipt')
    this.time = time ?? intake.now
    this.#flags = time === undefined ? byNumber : 0
  }

  field(name: string): GobValue {
    return this.#value.fields.get(name)
  }

  /** A text that must be there. */
  text(name: string): string {
    const value = this.field(name) ?? ''
    if (typeof value !== 'string') throw new RecordFault('invalid-value', name, 'it is no text')
    if (value === '') throw new RecordFault('missing-field', name, 'it is missing or empty')
    return this.#checked(value, name, this.#limits.payloadBytes, 'invalid-value')
  }

  /** Adds a value, a row. */
  add(metric: string, unit: string | undefined, value: GobValue, field: string): void {
    const { intake, device, time } = this
    this.#checked(metric, field, this.#limits.topicBytes, 'invalid-name')
    if (typeof value === 'string') {
      const text = this.#checked(value, field, this.#limits.textBytes, 'invalid-value')
      intake.addText(intake.series(device, metric, 'text', unit), time, text, good, this.#flags)
      return
    }
    if (typeof value === 'bigint')
      throw new RecordFault('invalid-value', field, 'an integer beyond 2^53 would lose digits')
    const number = typeof value === 'boolean' ? Number(value) : value
    if (typeof number !== 'number' || !Number.isFinite(number))
      throw new RecordFault('invalid-value', field, 'a value must be a finite number, a boolean or a text')
    intake.add(intake.series(device, metric, 'number', unit), time, number, good, this.#flags)
  }

  #checked(text: string, field: string, maxBytes: number, code: 'invalid-name' | 'invalid-value'): string {
    const size = Buffer.byteLength(text)
    if (size > maxBytes) throw new RecordFault(code, field, `it has ${size} bytes, the limit is ${maxBytes}`)
    if (text.includes('\0')) throw new RecordFault(code, field, 'it holds U+0000')
    return text
  }
}

/** Seconds from the year 1, where Go counts from, to 1970. */
const epochSeconds = 62_135_596_800n

/**
 * A time.Time as whole µs since 1970 (time.Time.MarshalBinary): version 1 or 2, seconds since the year 1 (int64), nanoseconds (int32), the zone's
 * offset, which changes nothing. undefined: none is given, or Go's zero time.
 */
function timeOf(value: GobValue): number | undefined {
  if (value === undefined) return undefined
  const isTime =
    value instanceof GobOpaque &&
    ((value.bytes[0] === 1 && value.bytes.length === 15) ||
      (value.bytes[0] === 2 && value.bytes.length === 16))
  if (!isTime) throw new RecordFault('invalid-time', 'Timestamp', 'it is no time.Time')
  const { buffer, byteOffset } = value.bytes
  const view = new DataView(buffer, byteOffset)
  const seconds = view.getBigInt64(1)
  const nanos = view.getInt32(9)
  if (seconds === 0n && nanos === 0) return undefined
  const micros = Number(seconds - epochSeconds) * 1e6 + Math.floor(nanos / 1000)
  if (!(Math.abs(micros) <= maxMicros))
    throw new RecordFault('invalid-time', 'Timestamp', 'the time lies beyond what is kept')
  return micros
}

function isList(value: GobValue): value is readonly GobValue[] {
  return Array.isArray(value)
}
