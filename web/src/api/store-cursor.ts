import { encodeCursor } from '../../../src/core/position.ts'
import { now } from '../clock.ts'
import { type Members, members } from './decode.ts'
import { get } from './request.ts'

/** Charts of one page ask together; an older cursor is as right as a newer one, the overlap is only longer. */
const sharedMs = 250

let last: { readonly at: number; readonly cursor: Promise<string | undefined> } | undefined

/**
 * The live cursor up to which the main store is whole. Asked before a query, it says what the answer holds at least: a
 * subscription from there joins the answer without a gap. undefined while the store has not begun.
 */
export function storeCursor(signal: AbortSignal): Promise<string | undefined> {
  if (last === undefined || now() - last.at >= sharedMs) {
    const cursor = get('/status', {}, readStoreCursor, new AbortController().signal)
    last = { at: now(), cursor }
    cursor.catch(() => (last = undefined))
  }
  signal.throwIfAborted()
  return last.cursor
}

export function readStoreCursor(value: unknown): string | undefined {
  const body = members(value, 'answer')
  const sinks: Members[] = Array.isArray(body['sinks'])
    ? body['sinks'].map((sink) => members(sink, 'sink'))
    : []
  const main = sinks.find((sink) => sink['stream'] === 'readings')
  const { id } = members(body['log'], 'log')
  if (main === undefined || typeof main['position'] !== 'number' || typeof id !== 'string') return undefined
  return encodeCursor([{ log: id, partition: 0, next: BigInt(main['position']) }])
}
