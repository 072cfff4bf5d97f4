// hot: bench/decode
import { byNumber } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Format, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { maxMicros, type RecordLimits } from '../../core/limits.ts'
import { good } from '../../core/quality.ts'
import { numberToMicros } from '../../core/time.ts'
import { RecordFault } from '../record-fault.ts'
import { fieldAt, ReadingFields, readingFields, valueFields, valueKind } from './reading-fields.ts'
import { recordText } from './record-text.ts'
import { SeriesFinder } from './series-finder.ts'
import { type RecordTaker, type Refuse, takeWhole } from './take-whole.ts'
import { exactInt64, int64, WireReader, wireType } from './wire-reader.ts'

/** Payloads that are a sluice.v1.Reading or a sluice.v1.ReadingBatch (proto/sluice/v1/reading.proto). */
export function createReadingFormat(limits: RecordLimits): Format {
  return new ReadingFormat(limits)
}

/** `readings` of a ReadingBatch as it stands on the wire. A Reading has no field 1. */
const batchTag = (1 << 3) | wireType.bytes

/** Refusals of one payload: a bound for who sends empty readings only, since each costs 6 µs and a letter. */
const maxRefused = 10_000

class ReadingFormat implements Format, RecordTaker {
  readonly name = 'protobuf'
  readonly #limits: RecordLimits
  readonly #batch = new WireReader()
  readonly #record = new WireReader()
  readonly #reading = new ReadingFields()
  readonly #value = new ReadingFields()
  readonly #series: SeriesFinder
  // What all rows of the record in hand share.
  #time = 0
  #flags = 0

  constructor(limits: RecordLimits) {
    this.#limits = limits
    this.#series = new SeriesFinder(limits.topicBytes, { device: 'device', metric: 'metric' })
  }

  decode(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake, refuse: Refuse): number {
    if (from < to && bytes[from] === batchTag)
      return this.#decodeBatch(bytes, from, to, route, intake, refuse)
    return takeWhole(this, bytes, from, to, 0, route, intake, refuse)
  }

  /** Each reading is judged alone. Where the batch itself breaks off, what stood before is kept. */
  #decodeBatch(
    bytes: Uint8Array,
    from: number,
    to: number,
    route: Route,
    intake: Intake,
    refuse: Refuse,
  ): number {
    const { batchBytes } = this.#limits
    if (to - from > batchBytes) {
      const reason = `the batch has ${to - from} bytes, limits.batchBytes is ${batchBytes}`
      refuse({ code: 'too-large', reason, field: undefined, index: 0, from, to })
      return 0
    }
    let rows = 0
    let index = 0
    let refused = 0
    let tagAt = from
    const refuseReading: Refuse = (refusal) => {
      refused++
      refuse(refusal)
    }
    const batch = this.#batch
    batch.begin(bytes, from, to)
    try {
      while (batch.next()) {
        batch.skip()
        if (batch.field === 1) {
          if (batch.type !== wireType.bytes)
            throw new RecordFault('undecodable', 'readings', `it has wire type ${batch.type}`)
          rows += takeWhole(this, bytes, batch.from, batch.end, index, route, intake, refuseReading)
          index++
        }
        tagAt = batch.at
        if (refused > maxRefused && tagAt < to)
          throw new RecordFault(
            'undecodable',
            undefined,
            `more than ${maxRefused} readings are refused, so is the rest`,
          )
      }
    } catch (error) {
      if (!(error instanceof RecordFault)) throw error
      refuse({ code: error.code, reason: error.message, field: error.field, index, from: tagAt, to })
    }
    return rows
  }

  takeRecord(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake): number {
    const { payloadBytes } = this.#limits
    if (to - from > payloadBytes)
      throw new RecordFault(
        'too-large',
        undefined,
        `the reading has ${to - from} bytes, limits.payloadBytes is ${payloadBytes}`,
      )
    if (from === to) throw new RecordFault('undecodable', undefined, 'nothing stands here')
    const reading = this.#reading
    this.#record.begin(bytes, from, to)
    reading.read(this.#record, readingFields)
    this.#stamp(reading, intake)
    let rows = 0
    if (reading.kind !== valueKind.none) {
      this.#take(bytes, reading, -1, route, intake)
      rows++
    }
    const { values } = reading
    for (let place = 0; 2 * place < values.length; place++) {
      const value = this.#value
      this.#record.begin(bytes, values[2 * place] as number, values[2 * place + 1] as number)
      value.read(this.#record, valueFields)
      if (value.metricFrom === value.metricTo)
        throw new RecordFault('missing-field', fieldAt(place, 'metric'), 'it names what is measured')
      if (value.kind === valueKind.none)
        throw new RecordFault('missing-field', fieldAt(place, 'value'), noValue)
      value.deviceFrom = reading.deviceFrom
      value.deviceTo = reading.deviceTo
      this.#take(bytes, value, place, route, intake)
      rows++
    }
    if (rows === 0) throw new RecordFault('missing-field', 'value', noValue)
    return rows
  }

  #stamp(reading: ReadingFields, intake: Intake): void {
    if (!reading.hasTime) {
      this.#time = intake.now
      this.#flags = byNumber
      return
    }
    const field = reading.isMs ? 'time_ms' : 'time_us'
    const micros = reading.isMs ? numberToMicros(reading.time, 'ms') : reading.time
    if (!(Math.abs(micros) <= maxMicros))
      throw new RecordFault('invalid-time', field, 'the time lies beyond what is kept')
    if (micros > intake.now + this.#limits.aheadMicros)
      throw new RecordFault('invalid-time', field, 'the time lies too far ahead of its receipt')
    this.#time = micros
    this.#flags = 0
  }

  /** Adds the value of a Reading or Value, a row. `place` is that of a Value in `values`, else -1. */
  #take(bytes: Uint8Array, fields: ReadingFields, place: number, route: Route, intake: Intake): void {
    const quality = fields.quality < 0 ? good : fields.quality
    if (quality > 255) throw new RecordFault('invalid-value', fieldAt(place, 'quality'), 'it is 255 at most')
    switch (fields.kind) {
      case valueKind.text: {
        const { textBytes } = this.#limits
        const field = fieldAt(place, 'text')
        const text = recordText(bytes, fields.textFrom, fields.textTo, field, textBytes, 'invalid-value')
        const series = this.#series.find(bytes, fields, 'text', place, route, intake)
        intake.addText(series, this.#time, text, quality, this.#flags)
        return
      }
      case valueKind.integer:
        this.#takeInteger(bytes, fields, quality, place, route, intake)
        return
      default: {
        if (!Number.isFinite(fields.number))
          throw new RecordFault('invalid-value', fieldAt(place, 'number'), 'a number must be finite')
        const series = this.#series.find(bytes, fields, 'number', place, route, intake)
        intake.add(series, this.#time, fields.number, quality, this.#flags)
      }
    }
  }

  /** An integer is a text where the series is declared so: that is how one beyond 2^53 keeps its digits. */
  #takeInteger(
    bytes: Uint8Array,
    fields: ReadingFields,
    quality: number,
    place: number,
    route: Route,
    intake: Intake,
  ): void {
    const { high, low } = fields
    let series: number
    try {
      series = this.#series.find(bytes, fields, 'number', place, route, intake)
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'wrong-kind') throw error
      const text = exactInt64(high, low).toString()
      series = this.#series.find(bytes, fields, 'text', place, route, intake)
      intake.addText(series, this.#time, text, quality, this.#flags)
      return
    }
    const value = int64(high, low)
    const size = Math.abs(value)
    if (size > 2 ** 53 || (size === 2 ** 53 && exactInt64(high, low) !== BigInt(value)))
      throw new RecordFault(
        'invalid-value',
        fieldAt(place, 'integer'),
        'an integer beyond 2^53 would lose digits',
      )
    intake.add(series, this.#time, value, quality, this.#flags)
  }
}

const noValue = 'there is none: set number, text, boolean or integer'
