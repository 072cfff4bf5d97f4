import { z } from 'zod'
import { isText, type Readings } from '../core/batch.ts'
import type { Processor } from '../core/processor.ts'
import { keepRows } from './keep-rows.ts'
import { SeriesMatch, seriesMatchSchema } from './series-match.ts'

export const filterSchema = z.strictObject({
  ...seriesMatchSchema,
  drop: z.boolean().default(false).describe('true drops what matches, false drops what does not.'),
  minQuality: z
    .int()
    .min(0)
    .max(255)
    .optional()
    .describe('Of the matching rows, only those of at least this quality count as matching.'),
  min: z.number().optional().describe('Only values of at least this count as matching; texts do not.'),
  max: z.number().optional().describe('Only values of at most this count as matching; texts do not.'),
})

/** Keeps or drops rows by series, quality and value. */
export function createFilter(options: z.output<typeof filterSchema>): Processor {
  const match = new SeriesMatch(options)
  const { drop, minQuality = 0, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options
  const isRanged = options.min !== undefined || options.max !== undefined

  function matches(batch: Readings, i: number): boolean {
    if (!match.has(batch.series[i] ?? 0, batch.names) || (batch.quality[i] ?? 0) < minQuality) return false
    if (!isRanged) return true
    const value = batch.value[i] ?? Number.NaN
    return ((batch.flags[i] ?? 0) & isText) === 0 && value >= min && value <= max
  }

  return {
    name: 'filter',
    process(batch) {
      const kept: number[] = []
      for (let i = 0; i < batch.length; i++) if (matches(batch, i) !== drop) kept.push(i)
      return keepRows(batch, kept)
    },
  }
}
