import { byNumber } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Intake, ValueKind } from '../../core/intake.ts'
import { maxMicros, type RecordLimits } from '../../core/limits.ts'
import { bad, good, uncertain } from '../../core/quality.ts'
import type { SeriesId } from '../../core/series.ts'
import { guessBounds, numberToMicros, parseRfc3339, type TimeUnit } from '../../core/time.ts'
import { integerOf, isRaw, losesDigits, type RawNumber } from './json-source.ts'
import { RecordFault } from '../record-fault.ts'

/** What all rows of one record share. */
export interface Stamp {
  readonly time: number
  readonly flags: number
  readonly quality: number
}

/** Where a value goes. */
export interface Target {
  readonly device: string
  readonly metric: string
  readonly unit: string | undefined
  /** Name of the member that holds the value, for the reason of a refusal. */
  readonly field: string | undefined
}

/** What a value is, in the words of a series. */
export function kindOf(value: unknown): ValueKind {
  return typeof value === 'string' ? 'text' : 'number'
}

/**
 * Adds one value, a row, and returns its series; undefined for an integer that became a text.
 * An integer is a text where the series is declared so: that is how one beyond 2^53 keeps its digits.
 */
export function takeValue(
  value: unknown,
  target: Target,
  stamp: Stamp,
  intake: Intake,
  limits: RecordLimits,
): SeriesId | undefined {
  const { device, metric, unit, field } = target
  if (typeof value === 'string') return takeText(value, target, stamp, intake, limits)
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : undefined
  if (number === undefined && !isRaw(value))
    throw new RecordFault('invalid-value', field, 'a value must be a number, a boolean or a text')
  const digits = typeof value === 'number' && Number.isInteger(value) ? String(value) : rawDigits(value)
  let series: SeriesId
  try {
    series = intake.series(device, metric, 'number', unit)
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'wrong-kind' || digits === undefined) throw error
    takeText(digits, target, stamp, intake, limits)
    return undefined
  }
  intake.add(series, stamp.time, number ?? rawValue(value as RawNumber, field), stamp.quality, stamp.flags)
  return series
}

function takeText(
  text: string,
  target: Target,
  stamp: Stamp,
  intake: Intake,
  limits: RecordLimits,
): SeriesId {
  const size = Buffer.byteLength(text)
  if (size > limits.textBytes)
    throw new RecordFault(
      'invalid-value',
      target.field,
      `the text has ${size} bytes, the limit is ${limits.textBytes}`,
    )
  const series = intake.series(target.device, target.metric, 'text', target.unit)
  intake.addText(series, stamp.time, text, stamp.quality, stamp.flags)
  return series
}

function rawDigits(value: unknown): string | undefined {
  return isRaw(value) && integerOf(value) !== undefined ? value.rawJSON : undefined
}

/** A number that JSON.parse may have changed: refused where that is an integer beyond 2^53; a fraction is always rounded. */
function rawValue(raw: RawNumber, field: string | undefined): number {
  const value = Number(raw.rawJSON)
  if (!Number.isFinite(value)) throw new RecordFault('invalid-value', field, 'the number is too large')
  if (losesDigits(raw, value))
    throw new RecordFault('invalid-value', field, 'an integer beyond 2^53 would lose digits')
  return value
}

/** What a number counts, for the reason of a refusal. */
const timeWords: Readonly<Record<TimeUnit, string>> = {
  s: 'seconds since 1970',
  ms: 'ms since 1970',
  guess: 'seconds, ms, µs or ns since 1970',
}

/** A time member as whole µs; undefined where it is missing, which 0 is where `zeroIsMissing` (F5 says so). */
export function timeOf(
  value: unknown,
  field: string,
  unit: TimeUnit,
  zeroIsMissing: boolean,
): number | undefined {
  if (value === undefined || value === null) return undefined
  if (zeroIsMissing && value === 0) return undefined
  let micros = Number.NaN
  if (typeof value === 'number') micros = numberToMicros(value, unit)
  else if (typeof value === 'string') micros = parseRfc3339(value)
  else if (isRaw(value)) micros = rawToMicros(value, unit)
  if (Number.isNaN(micros))
    throw new RecordFault(
      'invalid-time',
      field,
      `neither ${timeWords[unit]} in range nor RFC 3339 with a zone`,
    )
  return micros
}

/** Nanoseconds since 1970 have more digits than a double. */
function rawToMicros(raw: RawNumber, unit: TimeUnit): number {
  const integer = integerOf(raw)
  const value = Number(raw.rawJSON)
  if (unit !== 'guess' || integer === undefined || Math.abs(value) < guessBounds.us)
    return numberToMicros(value, unit)
  const micros = Number(integer / 1000n)
  return Math.abs(micros) <= maxMicros ? micros : Number.NaN
}

/** The stamp of a record's rows; a missing time is the time of receipt. */
export function stampOf(
  time: number | undefined,
  field: string | undefined,
  quality: number,
  flags: number,
  intake: Intake,
  limits: RecordLimits,
): Stamp {
  if (time === undefined) return { time: intake.now, flags: flags | byNumber, quality }
  if (time > intake.now + limits.aheadMicros)
    throw new RecordFault('invalid-time', field, 'the time lies too far ahead of its receipt')
  return { time, flags, quality }
}

/** OPC UA's three, and the words that say why a value is bad. */
const qualityWords: ReadonlyMap<string, number> = new Map([
  ['good', good],
  ['uncertain', uncertain],
  ['bad', bad],
  ['not_connected', bad],
  ['config_error', bad],
  ['device_failure', bad],
  ['timeout', bad],
])

/** A missing quality is good; a word that nobody knows is uncertain. */
export function qualityOf(value: unknown, field: string): number {
  if (value === undefined || value === null) return good
  if (typeof value === 'string') return qualityWords.get(value.toLowerCase()) ?? uncertain
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255) return value + 0
  throw new RecordFault('invalid-value', field, 'a quality is a word or a whole number from 0 to 255')
}
