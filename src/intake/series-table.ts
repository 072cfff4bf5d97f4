import { SluiceError } from '../core/errors.ts'
import type { ValueKind } from '../core/intake.ts'
import type { NewSeries, SeriesId, SeriesName } from '../core/series.ts'

export interface SeriesLimits {
  /** Series in total, and of one device. */
  readonly series: number
  readonly seriesPerDevice: number
  /** Bytes of a device, a metric or a unit. */
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
  /** By id; undefined where damage has taken the name of an id that was given. */
  readonly #names: (SeriesName | undefined)[] = []
  readonly #limits: SeriesLimits
  readonly #rules: readonly SeriesRule[]
  readonly #strict: boolean
  /** Ids whose name or unit no commit has taken yet. */
  readonly #new = new Set<SeriesId>()

  constructor(
    start: { readonly names: Iterable<NewSeries>; readonly series: number },
    limits: SeriesLimits,
    rules: readonly SeriesRule[],
    strict: boolean,
  ) {
    this.#limits = limits
    this.#rules = rules
    this.#strict = strict
    this.#names.length = start.series
    for (const name of start.names) {
      this.#names[name.id] = name
      this.#metrics(name.device).set(name.metric, name.id)
    }
  }

  /** Ids given so far. */
  get size(): number {
    return this.#names.length
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
      if (unit !== undefined && unit !== '' && this.#names[known]?.unit === '') {
        this.#check('the unit', unit)
        this.#note(known, { device, metric, unit })
      }
      return known
    }
    if (!rule && this.#strict) {
      throw new SluiceError('unknown-metric', `${device} ${metric} is not declared, and series.strict is on`)
    }
    const name = { device, metric, unit: unit ?? rule?.unit ?? '' }
    this.#checkNew(name)
    const id = this.#names.length
    this.#metrics(device).set(metric, id)
    this.#note(id, name)
    return id
  }

  /** Names (and units that became known) since the last call, by id; the caller commits them, or gives them back. */
  takeNew(): readonly NewSeries[] {
    const names: NewSeries[] = []
    for (const id of [...this.#new].sort((a, b) => a - b)) {
      const name = this.#names[id]
      if (name) names.push({ id, device: name.device, metric: name.metric, unit: name.unit })
    }
    this.#new.clear()
    return names
  }

  /** A commit failed: its names must be part of the next, as they are by then. */
  giveBack(names: readonly NewSeries[]): void {
    for (const { id } of names) this.#new.add(id)
  }

  get hasNew(): boolean {
    return this.#new.size > 0
  }

  #note(id: SeriesId, name: SeriesName): void {
    this.#names[id] = name
    this.#new.add(id)
  }

  #checkNew({ device, metric, unit }: SeriesName): void {
    if (device === '' || metric === '')
      throw new SluiceError('invalid-name', 'device and metric must not be empty')
    this.#check('the device', device)
    this.#check('the metric', metric)
    this.#check('the unit', unit)
    if (this.size >= this.#limits.series) {
      throw new SluiceError(
        'series-limit',
        `there are ${this.size} series, the limit is ${this.#limits.series}`,
      )
    }
    if ((this.#ids.get(device)?.size ?? 0) >= this.#limits.seriesPerDevice) {
      throw new SluiceError(
        'series-limit',
        `${device} has ${this.#limits.seriesPerDevice} series, which is the limit`,
      )
    }
  }

  #check(what: string, name: string): void {
    if (name.includes('\0')) throw new SluiceError('invalid-name', `${what} holds U+0000`)
    if (!name.isWellFormed()) throw new SluiceError('invalid-name', `${what} is not valid Unicode`)
    if (Buffer.byteLength(name) > this.#limits.nameBytes) {
      throw new SluiceError('invalid-name', `${what} is longer than ${this.#limits.nameBytes} bytes`)
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
