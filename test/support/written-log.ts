import type { Changes } from '../../src/core/log.ts'
import { listSegments } from '../../src/log/embedded/segment.ts'
import { LogWriter, type WriterOptions } from '../../src/log/embedded/writer.ts'
import { FakeClock } from './fake-clock.ts'
import { booksOf, changesOf, countingReadings, nameOf } from './log-changes.ts'
import { type Read, readAll, type ReadOptions, valuesOf } from './log-reading.ts'
import { MemoryStorage } from './memory-storage.ts'
import { seededRandom } from './random.ts'

export const folder = '/data/log'

const roomy: WriterOptions = {
  segmentBytes: 64 * 1024,
  maxBytes: 1e9,
  retentionSeconds: 7 * 86_400,
  reserveBytes: 0,
}

/** A log on a disk in memory, written without threads. */
export class WrittenLog {
  readonly storage: MemoryStorage
  readonly clock = new FakeClock()
  writer: LogWriter
  /** Values of series 0 acknowledged so far: they count from 0. */
  values = 0
  #options: WriterOptions

  constructor(options: Partial<WriterOptions> = {}, seed = 1, sectorBytes = 64) {
    this.#options = { ...roomy, ...options }
    this.storage = new MemoryStorage({ random: seededRandom(seed), sectorBytes })
    this.writer = this.#open()
  }

  /** Makes a commit durable; returns the number after it. */
  commit(parts: Partial<Changes>): number {
    const next = this.writer.append(changesOf(parts))
    this.writer.flush()
    return next
  }

  /** Commits the next `n` values of series 0, by themselves. */
  count(n: number): number {
    const names = this.values === 0 ? [nameOf(0)] : []
    const next = this.commit({
      names,
      readings: countingReadings(this.values, n),
      books: booksOf(this.values + n),
    })
    this.values += n
    return next
  }

  /** The process ends in order and starts again. */
  restart(options: Partial<WriterOptions> = {}): void {
    this.writer.close()
    this.#options = { ...this.#options, ...options }
    this.writer = this.#open()
  }

  /** kill -9, and a start. */
  killAndStart(): void {
    this.storage.kill()
    this.writer = this.#open()
  }

  losePowerAndStart(loss?: Parameters<MemoryStorage['losePower']>[0]): void {
    this.storage.losePower(loss)
    this.writer = this.#open()
  }

  /** A start after the test has done something to the disk. */
  start(): void {
    this.writer = this.#open()
  }

  read(options?: ReadOptions): Promise<Read[]> {
    return readAll(this.storage, folder, this.writer, options)
  }

  async readValues(options?: ReadOptions): Promise<(number | string)[]> {
    return valuesOf(await this.read(options))
  }

  /** The files of the segments, in order. */
  get files(): string[] {
    return listSegments(this.storage, folder).map(({ file }) => file)
  }

  /** The bytes of a file. */
  bytes(file: string): Uint8Array {
    const open = this.storage.open(file, 'read')
    const bytes = new Uint8Array(open.size())
    open.read(bytes, 0)
    open.close()
    return bytes
  }

  #open(): LogWriter {
    return new LogWriter(this.storage, this.clock, folder, this.#options)
  }
}

/** from, from + 1, …, to - 1 */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
