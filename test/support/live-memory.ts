import { EventEmitter, once } from 'node:events'
import type { Readings } from '../../src/core/batch.ts'
import type { ConsumeOptions, Delivery } from '../../src/core/log.ts'
import type { SeriesNames } from '../../src/core/series.ts'
import type { LiveSource } from '../../src/live/hub.ts'
import type { LiveClient } from '../../src/live/live-client.ts'

export const log = '00000000-0000-4000-8000-000000000000'
export const rowNames = ['pump1 temp', 'pump1 speed', 'fan temp'].map((name) => {
  const [device = '', metric = ''] = name.split(' ')
  return { device, metric, unit: '' }
})

/** A log in memory: row i has number i, series i % 3 and value i. */
export class MemoryLog implements LiveSource {
  rows = 0
  /** The first row that retention has left. */
  kept = 0
  /** Those who are reading now. */
  readers = 0
  readonly #names = { version: 0, size: 3, get: (id: number) => this.#named[id] }
  readonly #named = [...rowNames]
  readonly #grown = new EventEmitter().setMaxListeners(100)

  position() {
    return { log, partition: 0, next: BigInt(this.rows) }
  }

  first() {
    return BigInt(this.kept)
  }

  /** The unit of series 0 becomes known. */
  tellUnit(unit: string): void {
    this.#named[0] = { device: 'pump1', metric: 'temp', unit }
    this.#names.version++
  }

  grow(rows: number): void {
    this.rows += rows
    this.#grown.emit('grown')
  }

  async *consume(options: ConsumeOptions, signal: AbortSignal): AsyncGenerator<Delivery> {
    this.readers++
    try {
      yield* this.#read(options, signal)
    } finally {
      this.readers--
    }
  }

  async *#read({ from, maxRows, until }: ConsumeOptions, signal: AbortSignal): AsyncGenerator<Delivery> {
    let next = Number(from?.next ?? 0)
    this.readers++
    signal.addEventListener('abort', () => this.readers--, { once: true })
    while (!signal.aborted) {
      if (until !== undefined && BigInt(next) >= until) return
      const to = Math.min(this.rows, next + maxRows)
      if (to > next) {
        const position = (n: number) => ({ log, partition: 0, next: BigInt(n) })
        yield {
          batch: batchOf(next, to, this.#names),
          from: position(next),
          to: position(to),
          running: next,
          damaged: 0,
          expired: 0,
          ack: () => undefined,
        }
        next = to
      } else await once(this.#grown, 'grown', { signal }).catch(() => undefined)
    }
  }
}

function batchOf(from: number, to: number, names: SeriesNames): Readings {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i)
  return {
    kind: 'readings',
    length: numbers.length,
    base: BigInt(from),
    row: undefined,
    series: Uint32Array.from(numbers, (n) => n % 3),
    time: Float64Array.from(numbers, (n) => n * 1000),
    value: Float64Array.from(numbers),
    quality: new Uint8Array(numbers.length).fill(192),
    flags: new Uint8Array(numbers.length),
    text: undefined,
    extra: undefined,
    names,
  }
}

export interface Frame {
  readonly type: string
  readonly id?: string | number
  readonly cursor?: string
  readonly rows?: [number, number, number, number][] & number
  readonly series?: [number, string, string, string][]
  readonly message?: string
}

/** A client that keeps its frames, and can be made busy. */
export class TestClient implements LiveClient {
  readonly frames: Frame[] = []
  readonly #came = new EventEmitter()
  readonly #judge: (frame: Frame) => void
  #busy: PromiseWithResolvers<void> | undefined

  constructor(judge: (frame: Frame) => void = () => undefined) {
    this.#judge = judge
  }

  send(text: string): boolean {
    const frame = JSON.parse(text) as Frame // each member is looked at where it is used
    this.#judge(frame)
    this.frames.push(frame)
    this.#came.emit('frame')
    return this.#busy === undefined
  }

  ready(): Promise<void> {
    return this.#busy?.promise ?? Promise.resolve()
  }

  stall(): void {
    this.#busy ??= Promise.withResolvers<void>()
  }

  resume(): void {
    this.#busy?.resolve()
    this.#busy = undefined
  }

  get values(): number[] {
    return this.frames
      .filter((f) => f.type === 'readings')
      .flatMap((f) => (f.rows ?? []).map((row) => row[2]))
  }

  async until(holds: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(5000)
    while (!holds()) await once(this.#came, 'frame', { signal })
  }
}
