import type { Readings } from '../core/batch.ts'
import { type TextColumn, textColumn, textAt } from '../core/text-column.ts'

/** The rows of a batch at the given places, in order, with their numbers. The very same batch if all are kept. */
export function keepRows(batch: Readings, kept: readonly number[]): Readings {
  if (kept.length === batch.length) return batch
  const { base, row, series, time, value, quality, flags, text, extra } = batch
  return {
    ...batch,
    length: kept.length,
    base,
    row: Uint32Array.from(kept, (i) => (row === undefined ? i : (row[i] ?? 0))),
    series: Uint32Array.from(kept, (i) => series[i] ?? 0),
    time: Float64Array.from(kept, (i) => time[i] ?? 0),
    value: Float64Array.from(kept, (i) => value[i] ?? 0),
    quality: Uint8Array.from(kept, (i) => quality[i] ?? 0),
    flags: Uint8Array.from(kept, (i) => flags[i] ?? 0),
    text: text && keepText(text, kept),
    extra: extra && keepText(extra, kept),
  }
}

function keepText(column: TextColumn, kept: readonly number[]): TextColumn {
  return textColumn(kept.map((i) => textAt(column, i)))
}
