import { byNumber } from '../../core/batch.ts'
import type { Format, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import { good } from '../../core/quality.ts'
import { numberToMicros } from '../../core/time.ts'
import { RecordFault } from '../record-fault.ts'
import { SeriesFinder } from './series-finder.ts'
import { type RecordTaker, type Refuse, takeWhole } from './take-whole.ts'
import { int64, WireReader, wireType } from './wire-reader.ts'

/** Payloads that are a sensor.SensorReading (proto/sensor/sensor.proto): device `id1:id2`, metric `sensor_type`. */
export function createSensorReadingFormat(limits: RecordLimits): Format {
  return new SensorReadingFormat(limits)
}

const { varint, fixed64, bytes: block } = wireType
const names = ['', 'value', 'sensor_type', 'id1', 'id2', 'timestamp_ms']
const types = [-1, fixed64, block, block, varint, varint]

class SensorReadingFormat implements Format, RecordTaker {
  readonly name = 'sensor.SensorReading'
  readonly #limits: RecordLimits
  readonly #reader = new WireReader()
  readonly #series: SeriesFinder
  /** The two names, one behind the other, in the bytes that `#series` finds them by. */
  readonly #names: Uint8Array

  constructor(limits: RecordLimits) {
    this.#limits = limits
    this.#series = new SeriesFinder(limits.topicBytes, { device: 'id1', metric: 'sensor_type' })
    // The longest `:id2` has twelve bytes.
    this.#names = new Uint8Array(limits.payloadBytes + 12)
  }

  decode(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake, refuse: Refuse): number {
    return takeWhole(this, bytes, from, to, 0, route, intake, refuse)
  }

  takeRecord(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake): number {
    const { payloadBytes, aheadMicros } = this.#limits
    if (to - from > payloadBytes)
      throw new RecordFault(
        'too-large',
        undefined,
        `the reading has ${to - from} bytes, limits.payloadBytes is ${payloadBytes}`,
      )
    if (from === to) throw new RecordFault('undecodable', undefined, 'nothing stands here')
    // What proto3 leaves out is 0 or empty.
    let value = 0
    let [typeFrom, typeTo, idFrom, idTo] = [0, 0, 0, 0]
    let id2 = 0
    let time = 0
    const reader = this.#reader
    reader.begin(bytes, from, to)
    while (reader.next()) {
      const { field, type } = reader
      // A value left out is 0, so any other message could pass for a reading of 0.
      if (field >= types.length)
        throw new RecordFault('undecodable', undefined, `sensor.SensorReading has no field ${field}`)
      if (type !== types[field]) {
        const why = `it has wire type ${type}; the message may be another than sensor.SensorReading`
        throw new RecordFault('undecodable', names[field], why)
      }
      if (type === block) reader.block()
      else if (type === varint) reader.varint()
      switch (field) {
        case 1:
          value = reader.double()
          break
        case 2:
          ;[typeFrom, typeTo] = [reader.from, reader.end]
          break
        case 3:
          ;[idFrom, idTo] = [reader.from, reader.end]
          break
        case 4:
          id2 = reader.low | 0
          break
        default:
          time = int64(reader.high, reader.low)
      }
    }
    if (!Number.isFinite(value)) throw new RecordFault('invalid-value', 'value', 'a number must be finite')
    // The clock counts ms: samples are told apart by their numbers.
    let micros = intake.now
    if (time !== 0) {
      micros = numberToMicros(time, 'ms')
      if (Number.isNaN(micros))
        throw new RecordFault('invalid-time', 'timestamp_ms', 'the time lies beyond what is kept')
      if (micros > intake.now + aheadMicros)
        throw new RecordFault('invalid-time', 'timestamp_ms', 'the time lies too far ahead of its receipt')
    }
    const written = this.#names
    let deviceTo = 0
    if (idFrom < idTo) {
      for (let i = idFrom; i < idTo; i++) written[deviceTo++] = bytes[i] as number
      written[deviceTo++] = 0x3a
      const digits = String(id2)
      for (let i = 0; i < digits.length; i++) written[deviceTo++] = digits.charCodeAt(i)
    }
    let metricTo = deviceTo
    for (let i = typeFrom; i < typeTo; i++) written[metricTo++] = bytes[i] as number
    const named = { deviceFrom: 0, deviceTo, metricFrom: deviceTo, metricTo, unitFrom: 0, unitTo: 0 }
    const series = this.#series.find(written, named, 'number', -1, route, intake)
    intake.add(series, micros, value, good, byNumber)
    return 1
  }
}
