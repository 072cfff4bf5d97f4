import type { Readings } from '../core/batch.ts'
import type { SeriesNames } from '../core/series.ts'
import { Interest } from './interest.ts'
import type { SubscribeRequest } from './requests.ts'
import { encodeRows, rowAt, WaitingRows } from './rows.ts'
import type { Subscription } from './subscription.ts'

/** Rows of one flush beyond which only the newest value of each series goes out: no screen shows more. */
const maxRowsPerFlush = 5_000

/** All subscriptions that want the same series: their rows are picked and encoded once. */
export class Group {
  readonly members = new Set<Subscription>()
  readonly #interest: Interest
  readonly #waiting = new WaitingRows(maxRowsPerFlush)
  #names: SeriesNames | undefined

  constructor(request: Pick<SubscribeRequest, 'devices' | 'metrics'>) {
    this.#interest = new Interest(request.devices, request.metrics)
  }

  take(batch: Readings): void {
    this.#names = batch.names
    for (let i = 0; i < batch.length; i++) {
      if (this.#interest.has(batch.series[i] as number, batch.names)) this.#waiting.add(rowAt(batch, i))
    }
  }

  /** Sends what has gathered; everything behind the cursor is in it. */
  flush(cursor: string): void {
    if (this.#waiting.isEmpty || !this.#names) return
    const { rows, skipped } = this.#waiting.take()
    const shared = { rows, json: encodeRows(rows), skipped, cursor, names: this.#names }
    for (const member of this.members) member.deliver(shared)
  }
}

export function groupKey({ devices, metrics }: Pick<SubscribeRequest, 'devices' | 'metrics'>): string {
  return JSON.stringify([devices, metrics])
}
