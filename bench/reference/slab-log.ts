import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** [from, to) of a slab, in the order in which they stand in the file. */
export type ByteRanges = readonly (readonly [number, number])[]

/** Group commit in its simplest form: one slab is being synced on a thread of its own while another fills. */
export class SlabLog {
  readonly slabs: readonly SharedArrayBuffer[]
  /** Slab that fills now. */
  open = 0
  syncs = 0
  readonly #worker: Worker
  #busy = false
  #scheduled = false
  readonly #free: number[] = []
  readonly #onSeal: () => ByteRanges | undefined
  readonly #onDurable: (slab: number) => void

  /**
   * `onSeal` is called as the open slab is handed to the disk and says which bytes of it: undefined if it is empty. `onDurable` is
   * called when it is there.
   */
  constructor(
    file: string,
    slabBytes: number,
    slabs: number,
    onSeal: () => ByteRanges | undefined,
    onDurable: (slab: number) => void,
  ) {
    this.slabs = Array.from({ length: slabs }, () => new SharedArrayBuffer(slabBytes))
    for (let slab = 1; slab < slabs; slab++) this.#free.push(slab)
    this.#onSeal = onSeal
    this.#onDurable = onDurable
    this.#worker = new Worker(new URL('./sync-worker.ts', import.meta.url), {
      workerData: { file, slabs: this.slabs },
    })
    this.#worker.on('message', (slab: number) => {
      this.#busy = false
      this.syncs++
      this.#onDurable(slab)
      this.#seal()
    })
    this.#worker.on('error', (error) => {
      throw error
    })
  }

  /** Memory of the open slab. */
  slab(): SharedArrayBuffer {
    return this.slabs[this.open] ?? new SharedArrayBuffer(0)
  }

  /** Commits what has been added, after the other sockets of this turn had their say. */
  schedule(): void {
    if (this.#scheduled || this.#busy) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#seal()
    })
  }

  /** A slab that nobody needs any more. */
  release(slab: number): void {
    this.#free.push(slab)
    this.#seal()
  }

  async close(): Promise<void> {
    this.#seal()
    while (this.#busy) await once(this.#worker, 'message')
    await this.#worker.terminate()
  }

  #seal(): void {
    const next = this.#free[0]
    if (this.#busy || next === undefined) return
    const ranges = this.#onSeal()
    if (ranges === undefined) return
    this.#busy = true
    this.#free.shift()
    this.#worker.postMessage([this.open, ranges])
    this.open = next
  }
}
