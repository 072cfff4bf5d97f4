import { SluiceError } from '../core/errors.ts'
import type { ValueKind } from '../core/intake.ts'
import type { NewSeries, SeriesId } from '../core/series.ts'

export interface SeriesLimits {
  /** Series in total, and of one device. */
  readonly series: number
  readonly seriesPerDevice: number
  /** Bytes of a device or metric name. */
  readonly nameBytes: number
}

/** What config declares of series: the first rule whose patterns match holds. */
export interface SeriesRule {
  matches(device: string, metric: string): boolean
  readonly kind: ValueKind | undefined
  readonly unit: string | undefined
}

/**
 * (device, metric) → id, the cold path: hot paths cache ids beside bytes. Ids are dense from 0 and never reused.
 * Names given since the last `takeNew` wait to become part of a commit.
 */
export class SeriesTable {
  readonly #ids = new Map<string, Map<string, SeriesId>>()
  readonly #units: string[] = []
  readonly #limits: SeriesLimits
  readonly #rules: readonly SeriesRule[]
  readonly #strict: boolean
  #new: NewSeries[] = []

  constructor(
    names: Iterable<NewSeries>,
    limits: SeriesLimits,
    rules: readonly SeriesRule[],
    strict: boolean,
  ) {
    this.#limits = limits
    this.#rules = rules
    this.#strict = strict
    for (const { id, device, metric, unit } of names) {
      this.#units[id] = unit
      this.#metrics(device).set(metric, id)
    }
  }

  get size(): number {
    return this.#units.length
  }

  get(device: string, metric: string, kind: ValueKind, unit: string | undefined): SeriesId {
    const rule = this.#rules.find((r) => r.matches(device, metric))
    if (rule?.kind !== undefined && rule.kind !== kind) {
      throw new SluiceError(
        'wrong-kind',
        `${device} ${metric} is declared ${rule.kind}, this value is a ${kind}`,
      )
    }
    const known = this.#ids.get(device)?.get(metric)
    if (known !== undefined) {
      if (unit !== undefined && unit !== '' && this.#units[known] === '')
        this.#note({ id: known, device, metric, unit })
      return known
    }
    if (!rule && this.#strict) {
      throw new SluiceError('unknown-metric', `${device} ${metric} is not declared, and series.strict is on`)
    }
    this.#check(device, metric)
    const id = this.#units.length
    this.#metrics(device).set(metric, id)
    this.#note({ id, device, metric, unit: unit ?? rule?.unit ?? '' })
    return id
  }

  /** Names (and units that became known) since the last call; the caller commits them, or gives them back. */
  takeNew(): readonly NewSeries[] {
    const names = this.#new
    if (names.length > 0) this.#new = []
    return names
  }

  /** A commit failed: its names must be part of the next. */
  giveBack(names: readonly NewSeries[]): void {
    this.#new = [...names, ...this.#new]
  }

  get hasNew(): boolean {
    return this.#new.length > 0
  }

  #note(name: NewSeries): void {
    this.#units[name.id] = name.unit
    this.#new.push(name)
  }

  #check(device: string, metric: string): void {
    if (device === '' || metric === '')
      throw new SluiceError('invalid-name', 'device and metric must not be empty')
    for (const name of [device, metric]) {
      if (name.includes('\0')) throw new SluiceError('invalid-name', 'a name holds U+0000')
      if (!name.isWellFormed()) throw new SluiceError('invalid-name', 'a name is not valid Unicode')
      if (Buffer.byteLength(name) > this.#limits.nameBytes) {
        throw new SluiceError('invalid-name', `a name is longer than ${this.#limits.nameBytes} bytes`)
      }
    }
    if (this.size >= this.#limits.series) {
      throw new SluiceError(
        'series-limit',
        `there are ${this.size} series, the limit is ${this.#limits.series}`,
      )
    }
    if (this.#metrics(device).size >= this.#limits.seriesPerDevice) {
      throw new SluiceError(
        'series-limit',
        `${device} has ${this.#limits.seriesPerDevice} series, which is the limit`,
      )
    }
  }

  #metrics(device: string): Map<string, SeriesId> {
    let metrics = this.#ids.get(device)
    if (!metrics) {
      metrics = new Map()
      this.#ids.set(device, metrics)
    }
    return metrics
  }
}
