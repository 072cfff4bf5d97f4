import type { PackedBatch } from '../../core/copied-batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { CopyPart } from '../../core/store.ts'
import type { FromStore } from './protocol.ts'

/** What a copy is made of: a store, in whatever process. */
export interface CopySource {
  parts(signal: AbortSignal): Promise<CopyPart[]>
  scan(part: CopyPart, from: bigint, signal: AbortSignal): AsyncIterable<PackedBatch>
}

interface Scan {
  readonly abort: AbortController
  readonly batches: AsyncIterator<PackedBatch>
}

/** Hands a store's process the rows of other stores, one batch for each question: no more than one waits in memory. */
export class CopiedScans {
  readonly #sourceOf: (store: string) => CopySource | undefined
  readonly #open = new Map<number, Scan>()

  constructor(sourceOf: (store: string) => CopySource | undefined) {
    this.#sourceOf = sourceOf
  }

  /** Undefined at the end. @throws SluiceError where the other store cannot be read now. */
  async next({
    copy,
    store,
    part,
    from,
  }: Extract<FromStore, { kind: 'copy-next' }>): Promise<PackedBatch | undefined> {
    const scan = this.#open.get(copy) ?? this.#begin(copy, store, part, from)
    const next = await scan.batches.next()
    return next.done === true ? undefined : next.value
  }

  end(copy: number): void {
    const scan = this.#open.get(copy)
    this.#open.delete(copy)
    scan?.abort.abort()
    scan?.batches.return?.().catch(() => undefined) // nobody waits for it
  }

  /** The process that asked is gone. */
  endAll(): void {
    for (const copy of [...this.#open.keys()]) this.end(copy)
  }

  #begin(copy: number, store: string, part: CopyPart, from: bigint): Scan {
    const source = this.#sourceOf(store)
    if (source === undefined) throw new SluiceError('store-down', `there is no store ${store}`)
    const abort = new AbortController()
    const scan = { abort, batches: source.scan(part, from, abort.signal)[Symbol.asyncIterator]() }
    this.#open.set(copy, scan)
    return scan
  }
}
