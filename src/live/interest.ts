import { namePattern } from '../core/pattern.ts'
import type { SeriesId, SeriesNames } from '../core/series.ts'

type Patterns = string | readonly string[]

/** Which series a subscription wants: decided once for each series, then an array look-up. */
export class Interest {
  readonly #devices: (name: string) => boolean
  readonly #metrics: (name: string) => boolean
  /** 0 unknown, 1 no, 2 yes. */
  #known = new Uint8Array(1024)

  constructor(devices: Patterns, metrics: Patterns) {
    this.#devices = anyOf(devices)
    this.#metrics = anyOf(metrics)
  }

  has(series: SeriesId, names: SeriesNames): boolean {
    const known = this.#known[series]
    return known ? known === 2 : this.#decide(series, names)
  }

  #decide(series: SeriesId, names: SeriesNames): boolean {
    const name = names.get(series)
    const isWanted = name !== undefined && this.#devices(name.device) && this.#metrics(name.metric)
    if (series >= this.#known.length) {
      const larger = new Uint8Array(Math.max(series + 1, this.#known.length * 2))
      larger.set(this.#known)
      this.#known = larger
    }
    this.#known[series] = isWanted ? 2 : 1
    return isWanted
  }
}

function anyOf(patterns: Patterns): (name: string) => boolean {
  const all = [patterns].flat()
  const exact = new Set(all.filter((pattern) => !pattern.includes('*')))
  const wild = all.filter((pattern) => pattern.includes('*')).map(namePattern)
  return (name) => exact.has(name) || wild.some((matches) => matches(name))
}
