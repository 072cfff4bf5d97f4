import type { NewSeries, SeriesId, SeriesName, SeriesNames } from '../../core/series.ts'

/** The names of all series, by id. Only grows, but for units that become known later. */
export class Dictionary implements SeriesNames {
  readonly #names: (SeriesName | undefined)[] = []
  /** Ids below `size` without a name: damage has taken it. */
  #missing = 0
  #version = 0

  get version(): number {
    return this.#version
  }

  get size(): number {
    return this.#names.length
  }

  get(id: SeriesId): SeriesName | undefined {
    return this.#names[id]
  }

  /** True if every id below `series` has its name. */
  isWhole(series: number): boolean {
    return this.#missing === 0 && this.#names.length >= series
  }

  /** A later entry of a name can only make its unit known: one without a unit was written before. */
  add({ id, device, metric, unit }: NewSeries): void {
    const before = this.#names[id]
    if (
      before &&
      (unit === '' || unit === before.unit) &&
      before.device === device &&
      before.metric === metric
    )
      return
    this.reserve(id)
    if (id === this.#names.length) this.#names.push({ device, metric, unit })
    else {
      if (before) this.#version++
      else this.#missing--
      this.#names[id] = { device, metric, unit }
    }
  }

  /** Ids below `series` have been given, whether or not their names are known. */
  reserve(series: number): void {
    while (this.#names.length < series) {
      this.#names.push(undefined)
      this.#missing++
    }
  }

  *entries(): Generator<NewSeries> {
    for (let id = 0; id < this.#names.length; id++) {
      const name = this.#names[id]
      if (name) yield { id, ...name }
    }
  }
}
