import { type DuckDBValue, DuckDBStructValue } from '@duckdb/node-api'
import type { Chunk } from './chunks.ts'
import type { LatestState } from './snapshots.ts'
import { exact, toBigint, toNumber, toText } from './sql.ts'

/** Select list that gives per series its first time, its kinds and its newest row by (time, origin, number); GROUP BY series. */
export function newestColumns(chunk: Chunk): string {
  const text = chunk.hasText ? exact('text') : 'NULL::BLOB'
  return `series, min(time), bit_or(CASE WHEN flags & 2 = 2 THEN 2 ELSE 1 END)::UTINYINT,
    arg_max({'time': time, 'value': value, 'text': ${text}, 'quality': quality, 'origin': origin, 'seq': seq},
      {'time': time, 'origin': origin, 'seq': seq})`
}

export function newestOf(row: readonly DuckDBValue[]): {
  own: number
  first: number
  kinds: number
  latest: LatestState
} {
  const found = row[3]
  if (!(found instanceof DuckDBStructValue)) throw new TypeError('expected the newest row of a series')
  const { time, value, text, quality, origin, seq } = found.entries
  return {
    own: toNumber(row[0]),
    first: toNumber(row[1]),
    kinds: toNumber(row[2]),
    latest: {
      time: toNumber(time),
      value: value == null ? Number.NaN : toNumber(value),
      text: text == null ? undefined : toText(text),
      quality: toNumber(quality),
      origin: toNumber(origin),
      seq: toBigint(seq),
    },
  }
}
