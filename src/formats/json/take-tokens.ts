// hot: bench/decode: 40 ns of the 195 ns of an F5 message, 130 ns of an object with three numbers
import { byNumber } from '../../core/batch.ts'
import type { Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import { bad, good, uncertain } from '../../core/quality.ts'
import { numberToMicros, rfc3339ToMicros, type TimeUnit } from '../../core/time.ts'
import { asciiText } from './ascii-text.ts'
import { skipSpace } from './elements.ts'
import { exactNumber } from './exact-number.ts'
import { extraText } from './extra-text.ts'
import { bits, code, formOf, unknown } from './members.ts'
import { equalBytes, RouteSeries } from '../route-series.ts'
import { separator } from './series-keys.ts'
import { kind, maxMembers, type Tokens } from './tokens.ts'

const compactValue = bits('v')
const shortQuality = bits('q')
const shortUnit = bits('u')
const deviceId = bits('device_id')
const tagId = bits('tag_id')
const sampleTime = bits('Timestamp')
const trackerTime = bits('timestamp')
const qualities = bits('q', 'quality')
const units = bits('u', 'unit')
const times = bits('ts', 'timestamp', 'time')
const deviceIds = bits('device_id', 'device')
const metricIds = bits('tag_id', 'metric')
const loneId = bits('id')
const secrets = bits('token')
const extras = bits('source_ts', 'source_timestamp', 'server_timestamp')
const sampleMembers = bits('SerialNumber', 'Timestamp', 'Value')
const singleMembers =
  bits('v', 'value') | qualities | units | times | deviceIds | metricIds | loneId | secrets | extras

/** Spellings of one thing have neighbouring codes; these are the first of each two. */
const spelledTwice = bits('v', 'q', 'u')
const idTwice = bits('device_id', 'tag_id')

const encoder = new TextEncoder()
const goodWord = encoder.encode('good')
const badWord = encoder.encode('bad')
const uncertainWord = encoder.encode('uncertain')

/** A time that is missing, which means the time of receipt. */
const missing = Number.POSITIVE_INFINITY

/**
 * Takes scanned records. It adds what the parser would add, or nothing: whatever is unusual, not in the route's cache yet, or to be
 * refused gives 0 rows, and the parser judges the record.
 */
export class TokenTaker {
  readonly #tokens: Tokens
  readonly #limits: RecordLimits
  /** Series of the record's metrics, found before the first row is added. */
  readonly #series = new Int32Array(maxMembers)
  /** Place in the tokens of each of them. */
  readonly #rowSlots = new Uint8Array(maxMembers)
  /** A key of the route's cache, for records with ids: `device 01 metric 01 member`. */
  readonly #key: Uint8Array
  /** Where the member begins in #key; 0 where the payload holds no ids and the member's name alone is the key. */
  #memberAt = 0
  /** Whether `id` names the device of the record. */
  #usesLoneId = false

  constructor(tokens: Tokens, limits: RecordLimits) {
    this.#tokens = tokens
    this.#limits = limits
    this.#key = new Uint8Array(3 * limits.topicBytes + 2)
  }

  /** Adds the rows of the record in the tokens and returns how many; 0 leaves it to the parser. */
  take(bytes: Uint8Array, route: Route, intake: Intake): number {
    const { known, hasUnknown } = this.#tokens
    switch (formOf(known, hasUnknown, route.metric !== undefined)) {
      case 'single':
        return this.#takeSingle(bytes, route, intake)
      case 'sample':
        return this.#takeSample(bytes, route, intake)
      case 'tracker':
        return this.#takeEvery(bytes, route, intake, trackerTime, 's', byNumber)
      case 'generic':
        return this.#takeEvery(bytes, route, intake, times, 'guess', 0)
    }
  }

  /** A number and nothing else, which belongs to the route's own series, from the start of the value to the end of the payload. */
  takeBare(bytes: Uint8Array, start: number, to: number, route: Route, intake: Intake): number {
    if (route.valueSeries < 0) return 0
    const end = exactNumber(bytes, start, to, this.#tokens, 0)
    if (end < 0 || skipSpace(bytes, end, to) !== to || this.#tokens.kinds[0] !== kind.number) return 0
    intake.add(route.valueSeries, intake.now, this.#tokens.numbers[0] as number, good, byNumber)
    return 1
  }

  /** F5 and F6. */
  #takeSingle(bytes: Uint8Array, route: Route, intake: Intake): number {
    const { known, hasUnknown, kinds, slots, numbers } = this.#tokens
    if (hasUnknown || (known & ~singleMembers) !== 0 || (known & (known >> 1) & spelledTwice) !== 0) return 0
    const isCompact = (known & compactValue) !== 0
    const valueSlot = slots[isCompact ? code.v : code.value] as number
    const valueKind = kinds[valueSlot] as number
    if (!this.#isTakable(valueKind, valueSlot)) return 0
    const time = this.#time(bytes, known & times, isCompact ? 'ms' : 'guess', intake)
    const quality = this.#quality(bytes)
    if (Number.isNaN(time) || quality < 0) return 0

    let series: number
    let unit: Uint8Array | undefined
    const cache = route.members instanceof RouteSeries ? route.members : undefined
    if (
      (known & (deviceIds | metricIds | loneId)) === 0 &&
      route.metric !== undefined &&
      route.device !== undefined &&
      valueKind !== kind.text
    ) {
      series = route.valueSeries
      unit = cache?.valueUnit
    } else {
      if (cache === undefined || !this.#readIds(bytes, route, false)) return 0
      if ((known & loneId) !== 0 && !this.#usesLoneId) return 0 // an extra member
      const isNamed = (known & metricIds) !== 0 || route.metric !== undefined
      const entry = this.#find(bytes, cache, isNamed ? -1 : valueSlot, 0)
      if (entry < 0 || !cache.takes(entry, valueKind === kind.text ? 'text' : 'number')) return 0
      series = cache.seriesOf(entry)
      unit = cache.unitOf(entry)
    }
    if (series < 0 || ((known & units) !== 0 && !this.#isUnit(bytes, unit))) return 0
    if ((known & secrets) !== 0 && kinds[slots[code.token] as number] === kind.wideText) return 0
    let extra: string | undefined
    if ((known & extras) !== 0) {
      extra = extraText(bytes, this.#tokens, extras)
      if (extra === undefined) return 0
    }
    const rowTime = time === missing ? intake.now : time
    const flags = time === missing ? byNumber : 0
    if (valueKind !== kind.text) intake.add(series, rowTime, numbers[valueSlot] as number, quality, flags)
    else intake.addText(series, rowTime, this.#text(bytes, valueSlot), quality, flags)
    if (extra !== undefined) intake.addExtra(extra)
    return 1
  }

  /** F3. */
  #takeSample(bytes: Uint8Array, route: Route, intake: Intake): number {
    const { known, hasUnknown, kinds, slots, numbers, from, to } = this.#tokens
    const cache = route.members
    if (hasUnknown || known !== sampleMembers || !(cache instanceof RouteSeries)) return 0
    const serialSlot = slots[code.SerialNumber] as number
    const valueSlot = slots[code.Value] as number
    if ((kinds[valueSlot] as number) > kind.boolean || !isText(kinds[serialSlot] as number)) return 0
    // With its opening quote, see `serialKey`.
    const entry = cache.find(bytes, (from[serialSlot] as number) - 1, to[serialSlot] as number)
    const time = this.#time(bytes, sampleTime, 'guess', intake)
    if (entry < 0 || Number.isNaN(time)) return 0
    intake.add(cache.seriesOf(entry), time, numbers[valueSlot] as number, good, 0)
    return 1
  }

  /** F1 and every other object: each member a metric. */
  #takeEvery(
    bytes: Uint8Array,
    route: Route,
    intake: Intake,
    timeNames: number,
    unit: TimeUnit,
    flags: number,
  ): number {
    const { known, kinds, codes, count, numbers } = this.#tokens
    const isTracker = flags !== 0
    const cache = route.members
    if (!(cache instanceof RouteSeries) || !this.#readIds(bytes, route, isTracker)) return 0
    const time = this.#time(bytes, known & timeNames, unit, intake)
    if (Number.isNaN(time)) return 0

    // A member that tells something else than a value; `id` may be a metric where another id names the device.
    const roles = timeNames | deviceIds | metricIds | secrets | (this.#usesLoneId ? loneId : 0)
    const series = this.#series
    const rowSlots = this.#rowSlots
    let rows = 0
    let seen = 0
    for (let slot = 0; slot < count; slot++) {
      const member = codes[slot] as number
      if (member !== unknown && (roles & (1 << member)) !== 0) {
        if (kinds[slot] === kind.wideText) return 0
        continue
      }
      const valueKind = kinds[slot] as number
      if (!this.#isTakable(valueKind, slot)) return 0
      const entry = this.#find(bytes, cache, slot, rows)
      if (entry < 0 || !cache.takes(entry, valueKind === kind.text ? 'text' : 'number')) return 0
      const id = cache.seriesOf(entry)
      // A name that stands twice: the parser knows which of them counts.
      if ((seen & (1 << (id & 31))) !== 0) for (let i = 0; i < rows; i++) if (series[i] === id) return 0
      seen |= 1 << (id & 31)
      series[rows] = id
      rowSlots[rows++] = slot
    }
    const rowTime = time === missing ? intake.now : time
    const rowFlags = time === missing ? flags | byNumber : flags
    for (let i = 0; i < rows; i++) {
      const slot = rowSlots[i] as number
      if (kinds[slot] !== kind.text)
        intake.add(series[i] as number, rowTime, numbers[slot] as number, good, rowFlags)
      else intake.addText(series[i] as number, rowTime, this.#text(bytes, slot), good, rowFlags)
    }
    return rows
  }

  /** Whether a value may be one that the parser takes without a word. */
  #isTakable(valueKind: number, slot: number): boolean {
    if (valueKind <= kind.boolean) return true
    const { from, to } = this.#tokens
    return valueKind === kind.text && (to[slot] as number) - (from[slot] as number) <= this.#limits.textBytes
  }

  #text(bytes: Uint8Array, slot: number): string {
    return asciiText(bytes, this.#tokens.from[slot] as number, this.#tokens.to[slot] as number)
  }

  /** The time that one of the members in `names` gives: `missing` without one, NaN for what the parser must judge. */
  #time(bytes: Uint8Array, names: number, unit: TimeUnit, intake: Intake): number {
    if (names === 0) return missing
    if ((names & (names - 1)) !== 0) return Number.NaN // two of them
    const { kinds, slots, numbers, from, to } = this.#tokens
    const name = 31 - Math.clz32(names)
    const slot = slots[name] as number
    let time: number
    switch (kinds[slot]) {
      case kind.number: {
        const value = numbers[slot] as number
        // Only `ts` beside `v` is in ms, whatever its size; 0 says that the sender has no time.
        const isMs = unit === 'ms' && name === code.ts
        if (isMs && value === 0) return missing
        time = numberToMicros(value, unit === 'ms' && !isMs ? 'guess' : unit)
        break
      }
      case kind.text:
        time = rfc3339ToMicros(bytes, from[slot] as number, to[slot] as number)
        break
      case kind.longInteger:
        if (unit !== 'guess') return Number.NaN
        time = numbers[slot] as number
        break
      default:
        return Number.NaN
    }
    return time <= intake.now + this.#limits.aheadMicros ? time : Number.NaN
  }

  /** -1 for what the parser must judge. */
  #quality(bytes: Uint8Array): number {
    const { known, kinds, slots, numbers, from, to } = this.#tokens
    if ((known & qualities) === 0) return good
    const slot = slots[(known & shortQuality) !== 0 ? code.q : code.quality] as number
    if (kinds[slot] === kind.text) return qualityOfWord(bytes, from[slot] as number, to[slot] as number)
    if (kinds[slot] !== kind.number) return -1
    const value = numbers[slot] as number
    return value >= 0 && value <= 255 && Number.isInteger(value) ? value + 0 : -1
  }

  /** Whether the record's unit is the one its series was given already. */
  #isUnit(bytes: Uint8Array, unit: Uint8Array | undefined): boolean {
    const { known, kinds, slots, from, to } = this.#tokens
    const slot = slots[(known & shortUnit) !== 0 ? code.u : code.unit] as number
    return (
      unit !== undefined &&
      isText(kinds[slot] as number) &&
      equalBytes(unit, bytes, from[slot] as number, to[slot] as number)
    )
  }

  /**
   * Puts the ids that the payload gives into #key, so that `#find` completes it. False where there is no device, or an id the parser
   * must judge.
   */
  #readIds(bytes: Uint8Array, route: Route, isTracker: boolean): boolean {
    const { known } = this.#tokens
    if ((known & (known >> 1) & idTwice) !== 0) return false
    let device: number = unknown
    if (isTracker) device = code.id
    else if ((known & deviceIds) !== 0) device = (known & deviceId) !== 0 ? code.device_id : code.device
    else if (route.device === undefined) {
      if ((known & loneId) === 0) return false
      device = code.id
    }
    this.#usesLoneId = device === code.id
    this.#memberAt = 0
    if (device === unknown && (known & metricIds) === 0) return true
    let end = 0
    if (device !== unknown) end = this.#copyText(bytes, device, end)
    if (end < 0) return false
    this.#key[end++] = separator
    if ((known & metricIds) !== 0)
      end = this.#copyText(bytes, (known & tagId) !== 0 ? code.tag_id : code.metric, end)
    if (end < 0) return false
    this.#key[end++] = separator
    this.#memberAt = end
    return true
  }

  /** Copies a text that is a name to #key at `at`; the place behind it, or -1 where it is none. */
  #copyText(bytes: Uint8Array, name: number, at: number): number {
    const { kinds, slots, from, to } = this.#tokens
    const slot = slots[name] as number
    return isText(kinds[slot] as number)
      ? this.#copy(bytes, from[slot] as number, to[slot] as number, at)
      : -1
  }

  #copy(bytes: Uint8Array, from: number, to: number, at: number): number {
    if (from === to || to - from > this.#limits.topicBytes) return -1
    const key = this.#key
    let end = at
    for (let i = from; i < to; i++) key[end++] = bytes[i] as number
    return end
  }

  /**
   * The cache's entry of a member, by its slot; -1 stands for the single value whose metric has a name already. `place` is its place among
   * the record's values.
   */
  #find(bytes: Uint8Array, cache: RouteSeries, slot: number, place: number): number {
    const { nameFrom, nameTo, names } = this.#tokens
    if (slot < 0) return cache.find(this.#key, 0, this.#memberAt)
    const from = nameFrom[slot] as number
    const to = nameTo[slot] as number
    if (this.#memberAt === 0)
      return from === to ? -1 : cache.findMember(names[slot] as number, place, bytes, from, to)
    const end = this.#copy(bytes, from, to, this.#memberAt)
    return end < 0 ? -1 : cache.find(this.#key, 0, end)
  }
}

function isText(valueKind: number): boolean {
  return valueKind === kind.text || valueKind === kind.wideText
}

/** The three words of OPC UA as they are mostly written; -1 for any other. */
function qualityOfWord(bytes: Uint8Array, from: number, to: number): number {
  if (equalBytes(goodWord, bytes, from, to)) return good
  if (equalBytes(badWord, bytes, from, to)) return bad
  return equalBytes(uncertainWord, bytes, from, to) ? uncertain : -1
}
