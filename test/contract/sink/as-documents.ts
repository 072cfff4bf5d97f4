import type { Batch } from '../../../src/core/batch.ts'
import type { PaperLog, Row } from '../../support/duckdb-store.ts'
import type { KeptRow } from './subject.ts'

/** The exam's rows for a sink of documents: series, time and identity are the key, all else is the body. */
export function asDocuments(stream: string): (log: PaperLog, rows: readonly Row[]) => Batch {
  return (log, rows) =>
    log.documents(
      stream,
      rows.map((row, i) => ({ key: keyOf(row, Number(log.next) + i), time: row.time, body: bodyOf(row) })),
    )
}

const keyOf = ({ device, metric, time, byNumber }: Row, number: number) =>
  JSON.stringify([device, metric, time, byNumber === true ? number : -1])
const bodyOf = ({ value, quality = 192, extra = '' }: Row) => JSON.stringify({ value, quality, extra })

export function ofDocument(key: string, body: string, number: number | undefined): KeptRow {
  const [device, metric, time] = JSON.parse(key) as [string, string, number] // as: `keyOf` made it
  const rest = JSON.parse(body) as Pick<KeptRow, 'value' | 'quality' | 'extra'> // as: `bodyOf` made it
  return { device, metric, time, ...rest, number }
}
