import { z } from 'zod'
import { namePattern } from '../core/pattern.ts'
import type { SeriesId, SeriesNames } from '../core/series.ts'

/** Which series a processor concerns; `*` is a wildcard. */
export const seriesMatchSchema = {
  device: z.string().default('*').describe('Devices concerned; * stands for any characters.'),
  metric: z.string().default('*').describe('Metrics concerned; * stands for any characters.'),
}

/** Answers whether a series is concerned, from an array indexed by its id after the first time. */
export class SeriesMatch {
  readonly #device: (name: string) => boolean
  readonly #metric: (name: string) => boolean
  /** 0 unknown, 1 no, 2 yes. */
  #known = new Uint8Array(1024)

  constructor(match: { device: string; metric: string }) {
    this.#device = namePattern(match.device)
    this.#metric = namePattern(match.metric)
  }

  has(series: SeriesId, names: SeriesNames): boolean {
    const known = this.#known[series]
    if (known) return known === 2
    const name = names.get(series)
    const isMatch = name !== undefined && this.#device(name.device) && this.#metric(name.metric)
    if (series >= this.#known.length) {
      const larger = new Uint8Array(Math.max(series + 1, this.#known.length * 2))
      larger.set(this.#known)
      this.#known = larger
    }
    this.#known[series] = isMatch ? 2 : 1
    return isMatch
  }
}
