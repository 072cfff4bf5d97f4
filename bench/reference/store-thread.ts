import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** The store thread of a reference, seen from the thread that hands it slabs. */
export class StoreThread {
  #stored = 0
  #counted = -1
  readonly #worker: Worker

  private constructor(worker: Worker, onFree: (slab: number) => void) {
    this.#worker = worker
    worker.on('message', (message: { slab?: number; stored?: number; counted?: number }) => {
      if (message.slab !== undefined) onFree(message.slab)
      this.#stored = message.stored ?? this.#stored
      this.#counted = message.counted ?? this.#counted
    })
    worker.on('error', (error) => {
      throw error
    })
  }

  /** `onFree` is called with each slab that the thread has read. */
  static async start(
    data: string,
    slabs: readonly SharedArrayBuffer[],
    capacity: number,
    onFree: (slab: number) => void,
  ): Promise<StoreThread> {
    const worker = new Worker(new URL('./store-worker.ts', import.meta.url), {
      workerData: { data, slabs, capacity },
    })
    const store = new StoreThread(worker, onFree)
    await once(worker, 'message')
    return store
  }

  take(slab: number, rows: number): void {
    this.#worker.postMessage([slab, rows])
  }

  /** Waits until so many rows are stored, and returns what the engine counts. */
  async finish(rows: number): Promise<number> {
    while (this.#stored < rows) await once(this.#worker, 'message')
    this.#worker.postMessage('count')
    while (this.#counted < 0) await once(this.#worker, 'message')
    await this.#worker.terminate()
    return this.#counted
  }
}
