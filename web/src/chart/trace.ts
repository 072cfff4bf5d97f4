import { good } from '../../../src/core/quality.ts'
import type { Bucket, ReadingRow } from '../api/readings.ts'

/** Points ready to draw, by time. A null stands where the line must break. */
export interface TraceColumns {
  readonly time: number[]
  readonly mid: (number | null)[]
  readonly low: (number | null)[]
  readonly high: (number | null)[]
  /** The worst of each point. */
  readonly quality: number[]
  /** Stretches without data between two points, in ms. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
}

/**
 * One series as it is drawn: rows (`stepMs` 0) or buckets, sorted by time, each with sum, count, minimum and maximum. History
 * and live rows enter the same way, and may overlap. Rows of one time (a sender whose clock counts seconds) are one point: the last
 * of them, between the lowest and the highest.
 */
export class Trace {
  readonly stepMs: number
  #time: number[] = []
  #sum: number[] = []
  #count: number[] = []
  #min: number[] = []
  #max: number[] = []
  #quality: number[] = []

  constructor(stepMs: number) {
    this.stepMs = stepMs
  }

  get length(): number {
    return this.#time.length
  }

  /** Time of the newest point (of a bucket: its start), -Infinity if there is none. */
  get lastTime(): number {
    return this.#time[this.#time.length - 1] ?? -Infinity
  }

  /** Time of the oldest point, Infinity if there is none. */
  get firstTime(): number {
    return this.#time[0] ?? Infinity
  }

  addRows(rows: readonly Pick<ReadingRow, 'time' | 'value' | 'quality'>[]): void {
    for (const { time, value, quality } of rows) {
      if (typeof value !== 'number' || !Number.isFinite(value)) continue
      const at = this.stepMs === 0 ? time : Math.floor(time / this.stepMs) * this.stepMs
      const i = this.#place(at)
      if (this.#time[i] !== at) {
        this.#insert(i, at, value, 1, value, value, quality)
        continue
      }
      const isRow = this.stepMs === 0
      this.#set(
        i,
        isRow ? value : (this.#sum[i] ?? 0) + value,
        isRow ? 1 : (this.#count[i] ?? 0) + 1,
        Math.min(this.#min[i] ?? value, value),
        Math.max(this.#max[i] ?? value, value),
        Math.min(this.#quality[i] ?? quality, quality),
      )
    }
  }

  /** Buckets of the store, each whole: they replace what stands at their time. */
  addBuckets(buckets: readonly Bucket[]): void {
    for (const { time, avg, min, max, count, worstQuality } of buckets) {
      if (avg === undefined) continue
      const i = this.#place(time)
      const n = Math.max(1, count)
      if (this.#time[i] === time) this.#set(i, avg * n, n, min ?? avg, max ?? avg, worstQuality)
      else this.#insert(i, time, avg * n, n, min ?? avg, max ?? avg, worstQuality)
    }
  }

  /** Forgets points before `time`, but keeps the last one of them, from which the line comes in. */
  prune(time: number): void {
    const keepFrom = this.#place(time) - 1
    if (keepFrom < 64) return
    for (const column of [this.#time, this.#sum, this.#count, this.#min, this.#max, this.#quality])
      column.splice(0, keepFrom)
  }

  /** `until` is the end of what was asked for: if data stops long before it, that is a gap too. */
  columns(until = -Infinity): TraceColumns {
    const threshold = gapThreshold(this.#time, this.stepMs)
    const time: number[] = []
    const mid: (number | null)[] = []
    const low: (number | null)[] = []
    const high: (number | null)[] = []
    const quality: number[] = []
    const gaps: { from: number; to: number }[] = []
    let before = Infinity
    for (let i = 0; i < this.#time.length; i++) {
      // A bucket is drawn in its middle.
      const at = (this.#time[i] ?? 0) + this.stepMs / 2
      if (at - before > threshold) {
        gaps.push({ from: before, to: at })
        time.push((before + at) / 2)
        for (const column of [mid, low, high]) column.push(null)
        quality.push(good)
      }
      time.push(at)
      mid.push((this.#sum[i] ?? 0) / (this.#count[i] ?? 1))
      low.push(this.#min[i] ?? 0)
      high.push(this.#max[i] ?? 0)
      quality.push(this.#quality[i] ?? good)
      before = at
    }
    if (until - before > threshold) gaps.push({ from: before, to: until })
    return { time, mid, low, high, quality, gaps }
  }

  /** Index of the first point at or after `time`; new points nearly always go to the end. */
  #place(time: number): number {
    const times = this.#time
    if (time > this.lastTime) return times.length
    let low = 0
    let high = times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((times[middle] ?? 0) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  #set(i: number, sum: number, count: number, min: number, max: number, quality: number): void {
    this.#sum[i] = sum
    this.#count[i] = count
    this.#min[i] = min
    this.#max[i] = max
    this.#quality[i] = quality
  }

  #insert(
    i: number,
    time: number,
    sum: number,
    count: number,
    min: number,
    max: number,
    quality: number,
  ): void {
    if (i === this.#time.length) {
      this.#time.push(time)
      this.#set(i, sum, count, min, max, quality)
      return
    }
    this.#time.splice(i, 0, time)
    this.#sum.splice(i, 0, sum)
    this.#count.splice(i, 0, count)
    this.#min.splice(i, 0, min)
    this.#max.splice(i, 0, max)
    this.#quality.splice(i, 0, quality)
  }
}

/** Points without a neighbour that a line could come from or go to. */
export function lonePoints({ mid }: Pick<TraceColumns, 'mid'>): number[] {
  return mid.flatMap((value, i) =>
    typeof value === 'number' && typeof mid[i - 1] !== 'number' && typeof mid[i + 1] !== 'number' ? [i] : [],
  )
}

/**
 * The distance of two points beyond which data is missing between them: five times the usual distance. Series that report
 * irregularly have a wide usual distance, so they are not torn apart. Infinity where there are too few points to tell.
 */
export function gapThreshold(times: readonly number[], stepMs: number): number {
  if (times.length < 4) return Infinity
  const distances: number[] = []
  // A sample is enough, and keeps this cheap at every frame.
  const stride = Math.max(1, Math.floor(times.length / 256))
  for (let i = 1; i < times.length; i += stride) distances.push((times[i] ?? 0) - (times[i - 1] ?? 0))
  distances.sort((a, b) => a - b)
  const usual = distances[distances.length >> 1] ?? 0
  return Math.max(usual * 5, stepMs * 2.5, 2)
}
