import { below } from './random.ts'

/** How a power loss treats what was not synced. */
export type Loss = 'none' | 'all' | 'prefix' | 'random'

/**
 * The content of a file as programs see it (the page cache) and as the disk holds it. Sectors written since the last sync may or may
 * not survive a power loss, each by itself. After a failed sync the kernel believes its sectors clean: a later sync
 * that succeeds does not write them (https://wiki.postgresql.org/wiki/Fsync_Errors), so they stay doubtful until written again.
 */
export class MemoryFile {
  size = 0
  #bytes = new Uint8Array(0)
  #disk = new Uint8Array(0)
  #diskSize = 0
  readonly #sectorBytes: number
  #dirty = new Set<number>()
  readonly #doubtful = new Set<number>()

  constructor(sectorBytes: number) {
    this.#sectorBytes = sectorBytes
  }

  read(into: Uint8Array, at: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - at))
    into.set(this.#bytes.subarray(at, at + length))
    return length
  }

  write(bytes: Uint8Array, at: number): void {
    if (bytes.length === 0) return
    const end = at + bytes.length
    this.#reserve(end)
    if (at > this.size) this.#touch(this.size, at)
    this.#bytes.set(bytes, at)
    this.#touch(at, end)
    this.size = Math.max(this.size, end)
  }

  truncate(size: number): void {
    this.#reserve(size)
    this.#touch(Math.min(size, this.size), Math.max(size, this.size))
    this.#bytes.fill(0, size)
    this.size = size
  }

  /** What was written is on the disk, but for what an earlier failed sync left in doubt. */
  sync(): void {
    this.#growDisk()
    for (const sector of this.#dirty) this.#keep(sector)
    this.#dirty.clear()
    this.#diskSize = this.size
  }

  failSync(): void {
    for (const sector of this.#dirty) this.#doubtful.add(sector)
    this.#dirty.clear()
  }

  losePower(loss: Loss, random: () => number): void {
    this.#growDisk()
    const unsynced = [...new Set([...this.#dirty, ...this.#doubtful])].sort((a, b) => a - b)
    const kept = loss === 'prefix' ? below(random, unsynced.length + 1) : 0
    unsynced.forEach((sector, i) => {
      if (loss === 'none' || (loss === 'prefix' && i < kept) || (loss === 'random' && random() < 0.5)) {
        this.#keep(sector)
      }
    })
    this.size = this.#sizeAfter(loss, random)
    this.#bytes = this.#disk.slice()
    this.#bytes.fill(0, this.size)
    this.#disk = this.#bytes.slice()
    this.#diskSize = this.size
    this.#dirty.clear()
    this.#doubtful.clear()
  }

  /** Turns bits of what the disk holds: bit rot. */
  rot(at: number, bits: number): void {
    for (const bytes of [this.#bytes, this.#disk]) {
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ bits
    }
  }

  /** The size is one of those the file went through: the synced one, the last one, or one between where it has grown. */
  #sizeAfter(loss: Loss, random: () => number): number {
    if (loss === 'none') return this.size
    if (loss === 'all') return this.#diskSize
    const [small, large] = [Math.min(this.size, this.#diskSize), Math.max(this.size, this.#diskSize)]
    const choice = random()
    if (choice < 0.3) return this.size
    if (choice < 0.6) return this.#diskSize
    return small + below(random, large - small + 1)
  }

  #keep(sector: number): void {
    const from = sector * this.#sectorBytes
    const bytes = new Uint8Array(this.#sectorBytes)
    bytes.set(this.#bytes.subarray(from, Math.min(from + this.#sectorBytes, this.size)))
    this.#disk.set(bytes.subarray(0, this.#disk.length - from), from)
  }

  #touch(from: number, to: number): void {
    for (let at = from; at < to; at += this.#sectorBytes - (at % this.#sectorBytes)) {
      const sector = Math.floor(at / this.#sectorBytes)
      this.#dirty.add(sector)
      // Written anew as a whole page: the next sync takes it along.
      this.#doubtful.delete(sector)
    }
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2, 256))
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  #growDisk(): void {
    if (this.#disk.length >= this.#bytes.length) return
    const larger = new Uint8Array(this.#bytes.length)
    larger.set(this.#disk)
    this.#disk = larger
  }
}
