import type { Row } from '../../support/duckdb-store.ts'
import type { Capabilities, KeptRow } from './subject.ts'

/** A row that was handed over, under its number. */
export interface HandedRow extends Row {
  readonly number: number
}

/** What must stand in a sink that was handed the rows: a plain array, and nothing clever. */
export function expected(has: Capabilities, handed: readonly HandedRow[]): KeptRow[] {
  const kept = new Map<string, KeptRow>()
  for (const row of handed) {
    const { device, metric, time, value, quality = 192, extra = '', number } = row
    const identity =
      has.keeps === 'all'
        ? String(kept.size)
        : JSON.stringify([device, metric, time, row.byNumber === true ? number : -1])
    const before = kept.get(identity)
    if (has.keeps === 'highest' && before !== undefined && (before.number ?? 0) > number) continue
    kept.set(identity, { device, metric, time, value: value === 0 ? 0 : value, quality, extra, number })
  }
  return sorted([...kept.values()].map((row) => (has.numbers ? row : { ...row, number: undefined })))
}

/** In an order that does not depend on how a store keeps them. */
export function sorted(rows: readonly KeptRow[]): KeptRow[] {
  const key = ({ device, metric, time, number, value }: KeptRow) =>
    [device, metric, String(time), String(number), String(value)].join('\u0000')
  return rows
    .map((row) => [key(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, row]) => row)
}
