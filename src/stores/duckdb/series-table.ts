import type { SeriesNames } from '../../core/series.ts'
import { grow, growBig } from './grow.ts'
import { exact, int, type Sql, toText } from './sql.ts'

/** Bits of `kinds`: what values a series ever had. */
export const numberKind = 1
export const textKind = 2

/** What a write changed in memory, so that a failed one can be taken back. */
interface Touched {
  readonly own: number
  readonly high: number
  readonly first: number
  readonly kinds: number
}

/**
 * The store's own series: an id for (device, metric), and what is kept of each so that nothing has to be scanned for it.
 * Everything is a column indexed by own id; the write path reads and writes the columns itself.
 */
export class SeriesTable {
  size = 0
  readonly devices: string[] = []
  readonly metrics: string[] = []
  readonly units: string[] = []
  /** Highest time ever stored, never lowered by a delete; -Infinity before the first row. */
  high = new Float64Array(1024).fill(-Infinity)
  first = new Float64Array(1024).fill(Infinity)
  kinds = new Uint8Array(1024)
  /** -Infinity where no row stands. */
  latestTime = new Float64Array(1024).fill(-Infinity)
  latestValue = new Float64Array(1024)
  latestQuality = new Uint8Array(1024)
  latestOrigin = new Uint32Array(1024)
  latestSeq = new BigInt64Array(1024)
  readonly latestText = new Map<number, string>()
  /** 1 where series_state is older than memory. */
  dirty = new Uint8Array(1024)

  /** Of the write under way: the write that touched the series last, and its newest row of the batch (-1: none). */
  stamp = new Uint32Array(1024)
  newestRow = new Int32Array(1024)
  #write = 0
  #touched: Touched[] = []

  readonly #ids = new Map<string, Map<string, number>>()
  readonly #byNames = new WeakMap<SeriesNames, { ids: Int32Array; version: number }>()
  /** Series and units that are not in the file yet; they go in with the next commit. */
  #unsaved = 0
  readonly #unitsUnsaved = new Set<number>()
  #sortedDevices: string[] | undefined

  async load(sql: Sql): Promise<void> {
    const rows = await sql.rows(
      `SELECT ${['device', 'metric', 'unit'].map(exact).join(', ')} FROM series ORDER BY id`,
    )
    for (const [device, metric, unit] of rows) this.#create(toText(device), toText(metric), toText(unit))
    this.#unsaved = this.size
  }

  /** Cache of the series ids of a dictionary, without which an id says nothing: own id + 1, 0 where not looked up yet. */
  cacheOf(names: SeriesNames): Int32Array {
    let cache = this.#byNames.get(names)
    if (cache === undefined) {
      cache = { ids: new Int32Array(64), version: names.version }
      this.#byNames.set(names, cache)
    }
    if (cache.ids.length < names.size) cache.ids = grow(cache.ids, names.size)
    // A unit has become known: each series is looked up anew when its next row comes.
    if (cache.version !== names.version) cache.ids.fill(0)
    cache.version = names.version
    return cache.ids
  }

  /** The own id behind a log's id, created on first sight; -1 for an id the log's dictionary does not have. */
  resolve(cache: Int32Array, names: SeriesNames, id: number): number {
    const name = names.get(id)
    if (name === undefined) return -1
    let own = this.find(name.device, name.metric)
    if (own === undefined) own = this.#create(name.device, name.metric, name.unit)
    else if (name.unit !== '' && this.units[own] !== name.unit) {
      this.units[own] = name.unit
      this.#unitsUnsaved.add(own)
    }
    cache[id] = own + 1
    return own
  }

  find(device: string, metric: string): number | undefined {
    return this.#ids.get(device)?.get(metric)
  }

  /** Own ids of a device, or of one metric of it. */
  ofDevice(device: string, metric?: string): number[] {
    const metrics = this.#ids.get(device)
    if (metrics === undefined) return []
    if (metric === undefined) return [...metrics.values()]
    const own = metrics.get(metric)
    return own === undefined ? [] : [own]
  }

  /** Device names in code point order. */
  sortedDevices(): readonly string[] {
    this.#sortedDevices ??= [...this.#ids.keys()].sort(compareText)
    return this.#sortedDevices
  }

  /** Metrics of a device with their ids, in code point order. */
  metricsOf(device: string): [string, number][] {
    return [...(this.#ids.get(device) ?? [])].sort(([a], [b]) => compareText(a, b))
  }

  /** Starts a write; until `saved` or `undo`, `touch` remembers what stood there. */
  begin(): number {
    this.#touched = []
    return ++this.#write
  }

  /** The first row of this write in a series. */
  touch(own: number): void {
    this.#touched.push({
      own,
      high: this.high[own] as number,
      first: this.first[own] as number,
      kinds: this.kinds[own] as number,
    })
    this.stamp[own] = this.#write
    this.newestRow[own] = -1
  }

  get touched(): readonly { readonly own: number }[] {
    return this.#touched
  }

  undo(): void {
    for (const { own, high, first, kinds } of this.#touched) {
      this.high[own] = high
      this.first[own] = first
      this.kinds[own] = kinds
    }
    this.#touched = []
  }

  /** Makes the row the series' latest if it is newer than what is known: by time, then by (origin, number). */
  noteLatest(
    own: number,
    time: number,
    value: number,
    text: string | undefined,
    quality: number,
    origin: number,
    seq: bigint,
  ): void {
    const known = this.latestTime[own] as number
    if (time < known) return
    if (time === known) {
      const knownOrigin = this.latestOrigin[own] as number
      if (origin < knownOrigin || (origin === knownOrigin && seq < (this.latestSeq[own] as bigint))) return
    }
    this.latestTime[own] = time
    this.latestValue[own] = value
    this.latestQuality[own] = quality
    this.latestOrigin[own] = origin
    this.latestSeq[own] = seq
    if (text === undefined) this.latestText.delete(own)
    else this.latestText.set(own, text)
  }

  /** Forgets the latest row, before it is found anew after a delete. */
  clearLatest(own: number): void {
    this.latestTime[own] = -Infinity
    this.latestText.delete(own)
    this.first[own] = Infinity
  }

  /** Writes names that are new since the last commit, inside the open transaction; `saved` after its commit. */
  async save(sql: Sql): Promise<void> {
    if (this.#unsaved < this.size) {
      const appender = await sql.connection.createAppender('series')
      for (let own = this.#unsaved; own < this.size; own++) {
        appender.appendUInteger(own)
        appender.appendVarchar(this.devices[own] ?? '')
        appender.appendVarchar(this.metrics[own] ?? '')
        appender.appendVarchar(this.units[own] ?? '')
        appender.endRow()
      }
      appender.closeSync()
    }
    for (const own of this.#unitsUnsaved) {
      await sql.run(`UPDATE series SET unit = $1 WHERE id = ${int(own)}`, [this.units[own] ?? ''])
    }
  }

  /** The write is committed: from now on there is nothing to undo. */
  saved(): void {
    this.#unsaved = this.size
    this.#unitsUnsaved.clear()
    this.#touched = []
  }

  #create(device: string, metric: string, unit: string): number {
    const own = this.size++
    if (own === this.high.length) this.#grow()
    this.devices.push(device)
    this.metrics.push(metric)
    this.units.push(unit)
    let metrics = this.#ids.get(device)
    if (metrics === undefined) {
      metrics = new Map()
      this.#ids.set(device, metrics)
      this.#sortedDevices = undefined
    }
    metrics.set(metric, own)
    return own
  }

  #grow(): void {
    const size = this.high.length
    this.high = grow(this.high, size * 2).fill(-Infinity, size)
    this.first = grow(this.first, size * 2).fill(Infinity, size)
    this.kinds = grow(this.kinds, size * 2)
    this.latestTime = grow(this.latestTime, size * 2).fill(-Infinity, size)
    this.latestValue = grow(this.latestValue, size * 2)
    this.latestQuality = grow(this.latestQuality, size * 2)
    this.latestOrigin = grow(this.latestOrigin, size * 2)
    this.latestSeq = growBig(this.latestSeq, size * 2)
    this.dirty = grow(this.dirty, size * 2)
    this.stamp = grow(this.stamp, size * 2)
    this.newestRow = grow(this.newestRow, size * 2)
  }
}

/** Code point order: UTF-16 order but for the surrogates, which stand for the highest code points and not for those below U+E000. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return lifted(x) - lifted(y)
  }
  return a.length - b.length
}

function lifted(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
