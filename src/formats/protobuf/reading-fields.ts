// hot: bench/decode
import { RecordFault } from '../record-fault.ts'
import { int64, type WireReader, wireType } from './wire-reader.ts'

/** What `value` of a Reading or Value is. */
export const valueKind = { none: 0, number: 1, text: 2, integer: 3 } as const

/** Field numbers of sluice.v1.Reading; those of sluice.v1.Value are the same. */
const device = 2
const metric = 3
const timeUs = 4
const timeMs = 5
const number = 6
const text = 7
const boolean = 8
const integer = 9
const quality = 10
const unit = 11
const values = 12

/** By field number: its name, and how it is written. */
const names = [
  ...['', 'readings', 'device', 'metric', 'time_us', 'time_ms', 'number', 'text', 'boolean', 'integer'],
  ...['quality', 'unit', 'values'],
]
const { varint, fixed64, bytes } = wireType
const types = [-1, bytes, bytes, bytes, varint, varint, fixed64, bytes, varint, varint, varint, bytes, bytes]

/** Sets of fields, a bit each. */
const bits = (...fields: readonly number[]): number => fields.reduce((set, field) => set | (1 << field), 0)
export const readingFields =
  bits(1, device, metric, timeUs, timeMs, number, text, boolean, integer) | bits(10, 11, 12)
export const valueFields = bits(metric, number, text, boolean, integer, quality, unit)

/** Where the names of a value stand; empty: not given. */
export interface NamedFields {
  readonly deviceFrom: number
  readonly deviceTo: number
  readonly metricFrom: number
  readonly metricTo: number
  readonly unitFrom: number
  readonly unitTo: number
}

/** The name of a field for the reason of a refusal, `place` being that of a Value in `values`, else -1. */
export function fieldAt(place: number, field: string): string {
  return place < 0 ? field : `values[${place}].${field}`
}

/** The fields of one sluice.v1.Reading or Value; texts are where their bytes stand. Of a field given twice the last holds. */
export class ReadingFields implements NamedFields {
  deviceFrom = 0
  deviceTo = 0
  metricFrom = 0
  metricTo = 0
  unitFrom = 0
  unitTo = 0
  hasTime = false
  isMs = false
  /** As it stands; beyond 2^53 rounded. */
  time = 0
  /** One of `valueKind`. A boolean is the number 1 or 0. */
  kind: number = valueKind.none
  /** The value of a number. */
  number = 0
  /** Halves of an integer. */
  high = 0
  low = 0
  textFrom = 0
  textTo = 0
  /** -1: not given. */
  quality = -1
  /** Where the messages in `values` stand: from, to, from, to, … */
  readonly values: number[] = []

  /** Reads a message from the reader's place to its end. @throws RecordFault where it is none of ours. */
  read(reader: WireReader, known: number): void {
    this.#clear()
    while (reader.next()) {
      const { field, type } = reader
      if (field > values || (known & (1 << field)) === 0) {
        reader.skip()
        continue
      }
      if (field === 1) throw new RecordFault('undecodable', undefined, 'a reading has no field 1')
      if (type !== types[field]) {
        const why = `it has wire type ${type}; the message may be another than sluice.v1.Reading`
        throw new RecordFault('undecodable', names[field], why)
      }
      if (type === bytes) reader.block()
      else if (type === varint) reader.varint()
      switch (field) {
        case device:
          this.deviceFrom = reader.from
          this.deviceTo = reader.end
          break
        case metric:
          this.metricFrom = reader.from
          this.metricTo = reader.end
          break
        case timeUs:
        case timeMs:
          this.hasTime = true
          this.isMs = field === timeMs
          this.time = int64(reader.high, reader.low)
          break
        case number:
          this.kind = valueKind.number
          this.number = reader.double()
          break
        case text:
          this.kind = valueKind.text
          this.textFrom = reader.from
          this.textTo = reader.end
          break
        case boolean:
          this.kind = valueKind.number
          this.number = (reader.low | reader.high) === 0 ? 0 : 1
          break
        case integer:
          this.kind = valueKind.integer
          this.high = reader.high
          this.low = reader.low
          break
        case quality:
          this.quality = reader.high === 0 ? reader.low >>> 0 : Number.POSITIVE_INFINITY
          break
        case unit:
          this.unitFrom = reader.from
          this.unitTo = reader.end
          break
        default:
          this.values.push(reader.from, reader.end)
      }
    }
  }

  #clear(): void {
    this.deviceFrom = this.deviceTo = 0
    this.metricFrom = this.metricTo = 0
    this.unitFrom = this.unitTo = 0
    this.hasTime = false
    this.kind = valueKind.none
    this.quality = -1
    this.values.length = 0
  }
}
