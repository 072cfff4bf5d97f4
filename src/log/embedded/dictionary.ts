import type { NewSeries, SeriesId, SeriesName, SeriesNames } from '../../core/series.ts'

/** The names of all series, by id. Only grows. */
export class Dictionary implements SeriesNames {
  readonly #names: (SeriesName | undefined)[] = []

  get size(): number {
    return this.#names.length
  }

  get(id: SeriesId): SeriesName | undefined {
    return this.#names[id]
  }

  /** A later entry of the same id replaces the earlier: that is how a unit becomes known. */
  add({ id, device, metric, unit }: NewSeries): void {
    while (this.#names.length < id) this.#names.push(undefined)
    this.#names[id] = { device, metric, unit }
  }

  *entries(from = 0): Generator<NewSeries> {
    for (let id = from; id < this.#names.length; id++) {
      const name = this.#names[id]
      if (name) yield { id, ...name }
    }
  }
}
