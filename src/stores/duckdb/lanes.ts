// hot: bench/store-append
import { isUtf8 } from 'node:buffer'
import { byNumber, isText, type Readings } from '../../core/batch.ts'
import type { Refusal } from '../../core/sink.ts'
import { bytesAt } from '../../core/text-column.ts'
import type { SeriesTable } from './series-table.ts'

/** Where a row of a batch goes. */
export const fastLane = 0
export const upsertLane = 1
/** An edit with a higher number deleted it already. */
export const dropped = 2

/** Times beyond this are not exact in a double; the year is 2255. */
const maxTime = 9_007_199_000_000_000

/** A batch split into lanes. The arrays are reused by the next batch. */
export interface Lanes {
  /** Own series id of row i. */
  readonly own: Uint32Array
  readonly lane: Uint8Array
  readonly upserts: number
  readonly hasText: boolean
  readonly refused: readonly Refusal[]
}

/** What the fast lane may assume of the batch. */
export interface LaneRules {
  /** Rows with an identity by number cannot stand here yet: a live lane, ahead of every replay and every other log. */
  readonly isByNumberNew: boolean
  /** 1 for rows that an edit deleted; undefined if there are none. */
  readonly deleted: Uint8Array | undefined
}

let ownScratch = new Uint32Array(0)
let laneScratch = new Uint8Array(0)

/**
 * Looks up every row's series and sends the row to its lane: fast if its identity is by number and new, or if its time is above
 * its series' highest over stored rows and earlier rows of the batch; else upsert. Raises the series' highest times as it
 * goes: call `series.begin` before, and `undo` if the write fails.
 */
export function splitLanes(batch: Readings, series: SeriesTable, rules: LaneRules): Lanes {
  const { length } = batch
  if (ownScratch.length < length) {
    ownScratch = new Uint32Array(length + (length >>> 1))
    laneScratch = new Uint8Array(ownScratch.length)
  }
  const own = ownScratch
  const lane = laneScratch
  const refused: Refusal[] = []
  let upserts = 0
  let anyText = 0

  const write = series.begin()
  const cache = series.cacheOf(batch.names)
  const { deleted } = rules
  const byNumberMask = rules.isByNumberNew ? byNumber : 0
  let { high, first, kinds, stamp, newestRow } = series

  for (let i = 0; i < length; i++) {
    const id = batch.series[i] as number
    let s = (id < cache.length ? (cache[id] as number) : 0) - 1
    if (s < 0) {
      s = series.resolve(cache, batch.names, id)
      if (s < 0) {
        refused.push({
          index: i,
          code: 'row-refused',
          reason: `series ${id} has no name in the log's dictionary`,
        })
        continue
      }
      ;({ high, first, kinds, stamp, newestRow } = series) // a new series may have grown the columns
    }
    own[i] = s
    const t = batch.time[i] as number
    const f = batch.flags[i] as number
    const v = batch.value[i] as number
    if (!(t >= -maxTime && t <= maxTime) || ((f & isText) === 0 && v - v !== 0)) {
      refused.push(refusal(i, t))
      continue
    }
    if (deleted !== undefined && deleted[i] === 1) {
      lane[i] = dropped
      continue
    }
    if (stamp[s] !== write) series.touch(s)
    kinds[s] = (kinds[s] as number) | (1 + ((f & isText) >>> 1))
    anyText |= f
    if (t > (high[s] as number)) {
      high[s] = t
      lane[i] = fastLane
      newestRow[s] = i
      if (t < (first[s] as number)) first[s] = t
    } else if ((f & byNumberMask) !== 0) {
      lane[i] = fastLane
      const newest = newestRow[s] as number
      if (newest < 0 || t >= (batch.time[newest] as number)) newestRow[s] = i
      if (t < (first[s] as number)) first[s] = t
    } else {
      lane[i] = upsertLane
      upserts++
    }
  }
  const hasText = (anyText & isText) !== 0 || batch.extra !== undefined
  if (hasText) refuseInvalidText(batch, refused)
  return { own, lane, upserts, hasText, refused }
}

function refusal(index: number, time: number): Refusal {
  const isTimeBad = !(time >= -maxTime && time <= maxTime)
  return isTimeBad
    ? { index, code: 'invalid-time', reason: `time ${time} µs cannot be kept exactly` }
    : { index, code: 'invalid-value', reason: 'the value is not a finite number' }
}

/** The engine would silently store NULL for bytes that are no UTF-8. */
function refuseInvalidText(batch: Readings, refused: Refusal[]): void {
  for (const column of [batch.text, batch.extra]) {
    if (column === undefined || isUtf8(column.bytes)) continue
    for (let index = 0; index < batch.length; index++) {
      if (isUtf8(bytesAt(column, index))) continue
      refused.push({ index, code: 'invalid-value', reason: 'the text is not valid UTF-8' })
    }
  }
}
