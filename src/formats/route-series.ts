// hot: bench/decode
import { ByteTable } from '../core/byte-table.ts'
import type { Route, SeriesCache } from '../core/format.ts'
import type { ValueKind } from '../core/intake.ts'
import type { SeriesId } from '../core/series.ts'

/**
 * The series that payloads of one route have named, by the bytes that named them, with the unit each was given.
 * Only the parser fills it, after the intake gave the series, so it holds no more entries than there are series (times the
 * few spellings of its key), and bytes found in it are known to be well-formed names.
 */
export class RouteSeries implements SeriesCache {
  readonly #entries = new ByteTable()
  /** By entry: the number of the member's name where that alone is the key, as far as it was asked for; else 0. */
  readonly #names: number[] = []
  readonly #series: SeriesId[] = []
  readonly #kinds: number[] = []
  readonly #units: (Uint8Array | undefined)[] = []
  /** The unit that the route's `valueSeries` was given last. */
  valueUnit: Uint8Array | undefined

  /** The entry of a key, -1 if there is none. */
  find(key: Uint8Array, from: number, to: number): number {
    return this.#entries.get(key, from, to)
  }

  /** As `find`, for the name alone of the record's member at `place`: most stand where they stood when they were put. */
  findMember(name: number, place: number, bytes: Uint8Array, from: number, to: number): number {
    if (name > 0 && this.#names[place] === name) return place
    const entry = this.find(bytes, from, to)
    if (entry >= 0 && name > 0) this.#names[entry] = name
    return entry
  }

  seriesOf(entry: number): SeriesId {
    return this.#series[entry] as number
  }

  /** Whether the intake has taken the series for this kind of value: a declared kind must be asked for once. */
  takes(entry: number, kind: ValueKind): boolean {
    return ((this.#kinds[entry] as number) & kindBit[kind]) !== 0
  }

  unitOf(entry: number): Uint8Array | undefined {
    return this.#units[entry]
  }

  get(key: Uint8Array, from: number, to: number): SeriesId | -1 {
    const entry = this.find(key, from, to)
    return entry < 0 ? -1 : this.seriesOf(entry)
  }

  /** Keeps the series of a key for a kind of value, and the unit if one is given. */
  put(
    key: Uint8Array,
    from: number,
    to: number,
    series: SeriesId,
    kind: ValueKind = 'number',
    unit?: Uint8Array,
  ): void {
    let entry = this.find(key, from, to)
    if (entry < 0) {
      entry = this.#series.length
      this.#entries.put(key, from, to, entry)
      this.#names.push(0)
    }
    this.#series[entry] = series
    this.#kinds[entry] = (this.#kinds[entry] ?? 0) | kindBit[kind]
    this.#units[entry] = unit ?? this.#units[entry]
  }
}

const kindBit: Readonly<Record<ValueKind, number>> = { number: 1, text: 2 }

/** The cache of a route, made on first use. */
export function seriesOfRoute(route: Route): RouteSeries {
  if (route.members instanceof RouteSeries) return route.members
  const made = new RouteSeries()
  route.members = made
  return made
}

export function equalBytes(whole: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (whole.length !== to - from) return false
  for (let i = from, j = 0; i < to; i++, j++) if (bytes[i] !== whole[j]) return false
  return true
}
