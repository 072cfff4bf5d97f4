import type { Clock } from '../../lib/clock.ts'
import type { Chunk } from './chunks.ts'
import { cutChunk } from './cutting.ts'
import type { Retention, RetentionParts } from './retention.ts'
import { Rewrite } from './rewriting.ts'
import type { WriterQueue } from './writer-queue.ts'

export interface UpkeepOptions {
  /** A chunk with more rows is cut. */
  readonly chunkRows: number
  /** Lets go of the file and takes it again; see `Engine.reattach`. */
  reattach(): Promise<void>
  /** Told of every job that failed. */
  failed(error: unknown): void
  readonly clock: Clock
}

const tickMs = 250
const retentionMs = 600_000
/** Under this many stored rows a second sorting does not get in the way of storing. */
const calmRows = 200_000
/**
 * So many unsorted rows make queries slow enough, about a second for one series over all of them, that sorting may not wait for calmer times
 * any more. A store that was away for ten minutes catches up without it: sorting in the midst took half of its rate.
 */
const maxUnsorted = 400_000_000
/** A chunk is sorted when this part of it, and at least so many rows, lie unsorted. */
const unsortedPart = 0.25
const minUnsorted = 1_000_000
const busyMs = 60_000
/** Row groups of so many rows take some 25 MB outside the engine's memory limit. */
const maxLoadedRows = 24_000_000
const reattachMs = 30_000
/** After a failure upkeep rests, so that a full disk is not made fuller four times a second. */
const restMs = 30_000

/**
 * What keeps the store in shape while nobody asks: cutting full chunks, sorting closed ones, removing what is too old, and snapshots
 * of the series. Everything is a small job of the writer queue. A failure here never reaches a write: the job is tried again.
 */
export class Upkeep {
  readonly #parts: RetentionParts
  readonly #queue: WriterQueue
  readonly #retention: Retention
  readonly #options: UpkeepOptions
  readonly #timer: NodeJS.Timeout
  #rewrite: Rewrite | undefined
  #running: Promise<void> | undefined
  #rows = 0
  #rowsAtTick = 0
  #tickedMs: number
  #retainedMs = -Infinity
  #reattachedMs = -Infinity
  #restUntilMs = -Infinity
  /** Chunks that changed too much while they were sorted, and when to try again. */
  readonly #quietFrom = new Map<number, number>()
  /** Chunks that could not be cut, with their rows then. */
  readonly #uncut = new Map<number, number>()
  /** The last failure, for the status page. */
  lastError: unknown

  constructor(parts: RetentionParts, queue: WriterQueue, retention: Retention, options: UpkeepOptions) {
    this.#parts = parts
    this.#queue = queue
    this.#retention = retention
    this.#options = options
    this.#tickedMs = options.clock.monotonicMs()
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#timer.unref()
  }

  stored(rows: number): void {
    this.#rows += rows
  }

  /** Does what is due now, or the first `maxJobs` of it, however busy the store is: for tests, and for tools that want a store in order. */
  async settle(maxJobs: number): Promise<void> {
    for (let isMore = true, jobs = 0; isMore && jobs < maxJobs; jobs++) {
      await this.#running
      isMore = false
      this.#running = this.#step(true)
        .then((isDone) => {
          isMore = isDone
        })
        .finally(() => {
          this.#running = undefined
        })
      await this.#running
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    if (this.#rewrite !== undefined) await this.#abandon(this.#rewrite)
  }

  #tick(): void {
    const ms = this.#options.clock.monotonicMs()
    if (this.#running !== undefined || ms < this.#restUntilMs) return
    const rate = ((this.#rows - this.#rowsAtTick) / Math.max(1, ms - this.#tickedMs)) * 1000
    this.#tickedMs = ms
    this.#rowsAtTick = this.#rows
    this.#running = this.#step(rate < calmRows)
      .catch((error: unknown) => {
        this.lastError = error
        this.#options.failed(error)
        this.#restUntilMs = this.#options.clock.monotonicMs() + restMs
      })
      .then(() => {
        this.#running = undefined
      })
  }

  /** The most urgent job, if one is due. */
  async #step(isCalm: boolean): Promise<boolean> {
    const { sql, chunks, snapshots } = this.#parts
    if (snapshots.isDue) {
      await this.#queue.upkeep(async () => {
        await sql.transaction(() => snapshots.save(sql))
        snapshots.saved()
      })
      return true
    }
    const ms = this.#options.clock.monotonicMs()
    if (chunks.loadedRows >= maxLoadedRows && ms - this.#reattachedMs >= reattachMs) {
      this.#reattachedMs = ms
      await this.#queue.upkeep(() => this.#options.reattach())
      return true
    }
    const full = chunks.all.find((chunk) => this.#isFull(chunk))
    if (full !== undefined) {
      await this.#queue.upkeep(async () => {
        if (!(await cutChunk(sql, chunks, full, this.#options.chunkRows))) this.#uncut.set(full.id, full.rows)
      })
      return true
    }
    if (this.#retention.hasRules && ms - this.#retainedMs >= retentionMs) {
      this.#retainedMs = ms
      await this.#queue.upkeep(() => this.#retention.run(this.#parts))
      return true
    }
    const unsorted = chunks.all.filter((chunk) => this.#isUnsorted(chunk))
    const rows = unsorted.reduce((sum, chunk) => sum + chunk.unsorted, 0)
    if (!isCalm && rows < maxUnsorted) return false
    return this.#sort(unsorted[0])
  }

  /** One slice of the rewrite under way, or the beginning of the next one. */
  async #sort(next: Chunk | undefined): Promise<boolean> {
    const { sql, chunks } = this.#parts
    const current = this.#rewrite
    if (current === undefined) {
      if (next === undefined) return false
      const rewrite = new Rewrite(sql, chunks, next)
      this.#rewrite = rewrite
      await this.#attempt(rewrite, () => rewrite.begin())
      return true
    }
    if (current.isTooBusy) {
      this.#quietFrom.set(current.chunk.id, this.#options.clock.monotonicMs() + busyMs)
      await this.#abandon(current)
    } else {
      const isDone = await this.#attempt(current, () => current.step())
      if (isDone) this.#rewrite = undefined
    }
    return true
  }

  async #attempt<T>(rewrite: Rewrite, step: () => Promise<T>): Promise<T> {
    try {
      return await this.#queue.upkeep(step)
    } catch (error) {
      await this.#abandon(rewrite)
      throw error
    }
  }

  async #abandon(rewrite: Rewrite): Promise<void> {
    this.#rewrite = undefined
    await this.#queue.upkeep(() => rewrite.abandon())
  }

  #isFull(chunk: Chunk): boolean {
    const uncut = this.#uncut.get(chunk.id)
    return (
      chunk.watcher === undefined &&
      chunk.rows >= this.#options.chunkRows &&
      (uncut === undefined || chunk.rows >= uncut * 2)
    )
  }

  /** The newest chunk is still being written in order of time; it is sorted once it is cut. */
  #isUnsorted(chunk: Chunk): boolean {
    const { all } = this.#parts.chunks
    const least = Math.min(minUnsorted, this.#options.chunkRows / 8)
    if ((this.#quietFrom.get(chunk.id) ?? 0) > this.#options.clock.monotonicMs()) return false
    return chunk !== all.at(-1) && chunk.unsorted >= Math.max(least, chunk.rows * unsortedPart)
  }
}
