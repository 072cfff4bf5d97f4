import { z } from 'zod'
import { isText, numberAt, type Readings } from '../core/batch.ts'
import type { Processor } from '../core/processor.ts'
import { textAt } from '../core/text-column.ts'
import { keepRows } from './keep-rows.ts'
import { SeriesMatch, seriesMatchSchema } from './series-match.ts'

export const dedupeSchema = z.strictObject({
  ...seriesMatchSchema,
  tolerance: z
    .number()
    .min(0)
    .default(0)
    .describe('A number this close to the last one kept counts as the same.'),
  withinMs: z
    .number()
    .positive()
    .default(60_000)
    .describe('A value is kept again after this time, even if it did not change.'),
})

interface Kept {
  readonly value: number | string
  readonly quality: number
  readonly time: number
}

/**
 * Drops readings that repeat the last one kept of their series. Its memory belongs to the number at which a batch begins: a batch that
 * is tried again finds the memory it found the first time, so it is never taken for its own duplicate.
 */
export function createDedupe(options: z.output<typeof dedupeSchema>): Processor {
  const match = new SeriesMatch(options)
  const { tolerance } = options
  const withinMicros = options.withinMs * 1000
  /** As it was before the batch processed last, and what that batch changed. */
  const settled = new Map<number, Kept>()
  const changes = new Map<number, Kept>()
  let nextNumber = 0n

  function repeats(before: Kept | undefined, now: Kept): boolean {
    if (
      before === undefined ||
      before.quality !== now.quality ||
      Math.abs(now.time - before.time) >= withinMicros
    )
      return false
    if (typeof before.value === 'number' && typeof now.value === 'number')
      return Math.abs(before.value - now.value) <= tolerance
    return before.value === now.value
  }

  function reading(batch: Readings, i: number): Kept {
    const isTextRow = ((batch.flags[i] ?? 0) & isText) !== 0
    const value = isTextRow && batch.text ? textAt(batch.text, i) : (batch.value[i] ?? 0)
    return { value, quality: batch.quality[i] ?? 0, time: batch.time[i] ?? 0 }
  }

  return {
    name: 'dedupe',
    process(batch) {
      if (batch.length === 0) return batch
      if (numberAt(batch, 0) >= nextNumber) for (const [series, kept] of changes) settled.set(series, kept)
      changes.clear()
      nextNumber = numberAt(batch, batch.length - 1) + 1n
      const places: number[] = []
      for (let i = 0; i < batch.length; i++) {
        const series = batch.series[i] ?? 0
        if (match.has(series, batch.names)) {
          const now = reading(batch, i)
          if (repeats(changes.get(series) ?? settled.get(series), now)) continue
          changes.set(series, now)
        }
        places.push(i)
      }
      return keepRows(batch, places)
    },
  }
}
