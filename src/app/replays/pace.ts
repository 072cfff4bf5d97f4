import { numberAt } from '../../core/batch.ts'
import type { Delivery } from '../../core/log.ts'
import type { Clock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import { sliceBatch } from '../pipeline/split.ts'

export interface Pace {
  /** Rows a second; undefined: as fast as live traffic leaves room. */
  readonly rate: number | undefined
  /** True while the sink's live traffic waits: it goes first. */
  isLiveBehind(): boolean
  readonly clock: Clock
}

/** Rows of a write at most: live rows that come meanwhile wait for no more than this. */
const maxRows = 8_192
/** How long to wait before looking again whether live traffic waits. */
const lookAgainMs = 50

/** Rows of one write: with a rate there are at least four writes a second. */
export function rowsOfWrite(rate: number | undefined): number {
  return rate === undefined ? maxRows : Math.max(1, Math.min(maxRows, Math.floor(rate / 4)))
}

/** Hands deliveries on at a pace: the next one is asked for when the last one is written. */
export async function* paced(
  deliveries: AsyncIterable<Delivery>,
  { rate, isLiveBehind, clock }: Pace,
  signal: AbortSignal,
): AsyncGenerator<Delivery> {
  let dueMs = clock.monotonicMs()
  for await (const delivery of deliveries) {
    while (isLiveBehind() && !signal.aborted) await wait(lookAgainMs, signal)
    yield delivery
    if (rate === undefined) continue
    const now = clock.monotonicMs()
    // What was slower than its rate is not made up for.
    dueMs = Math.max(dueMs + (delivery.batch.length / rate) * 1000, now)
    if (dueMs > now) await wait(dueMs - now, signal)
  }
}

/** Deliveries up to a number, to the row: a reader joins what lies beyond it. */
export async function* upTo(deliveries: AsyncIterable<Delivery>, until: bigint): AsyncGenerator<Delivery> {
  for await (const delivery of deliveries) {
    const { batch, to } = delivery
    if (to.next <= until) {
      yield delivery
      continue
    }
    let length = batch.length
    while (length > 0 && numberAt(batch, length - 1) >= until) length--
    if (length > 0) yield { ...delivery, batch: sliceBatch(batch, 0, length), to: { ...to, next: until } }
    return
  }
}
