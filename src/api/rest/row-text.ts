import type { Aggregate, BucketRows, RangeRows } from '../../core/store.ts'
import type { TimeText } from './query-time.ts'

/** Rows made into text and written to the socket in one go: a fraction of a millisecond, because acknowledgements wait meanwhile. */
export const rowsPerPiece = 200

/** Rows [from, to) as JSON objects with commas between them. No object per row, and a metric's name is escaped once. */
export function rangeText(rows: RangeRows, from: number, to: number, time: TimeText): string {
  let text = ''
  let metric: string | undefined
  let head = ''
  for (let i = from; i < to; i++) {
    if (rows.metric[i] !== metric || i === from) {
      metric = rows.metric[i]
      head = `{"metric":${JSON.stringify(metric)},"time":`
    }
    const words = rows.text?.[i]
    const value = words === undefined ? numberText(rows.value[i] as number) : JSON.stringify(words)
    text += `${i === from ? '' : ','}${head}${time(rows.time[i] as number)},"value":${value},"quality":${rows.quality[i]}}`
  }
  return text
}

/** As above, of buckets; an aggregate that a bucket has no number for is left out. */
export function bucketText(
  rows: BucketRows,
  aggregates: readonly Aggregate[],
  from: number,
  to: number,
  time: TimeText,
): string {
  let text = ''
  for (let i = from; i < to; i++) {
    text += `${i === from ? '' : ','}{"metric":${JSON.stringify(rows.metric[i])},"time":${time(rows.time[i] as number)}`
    for (const aggregate of aggregates) {
      const value = rows.columns[aggregate]?.[i]
      if (value !== undefined && Number.isFinite(value)) text += `,"${aggregate}":${value}`
    }
    text += '}'
  }
  return text
}

/** JSON has no other numbers. */
const numberText = (value: number) => (Number.isFinite(value) ? value : 'null')
