import { z } from 'zod'
import { isText } from '../core/batch.ts'
import type { Processor } from '../core/processor.ts'
import { SeriesMatch, seriesMatchSchema } from './series-match.ts'

export const scaleSchema = z.strictObject({
  ...seriesMatchSchema,
  factor: z.number().default(1).describe('value × factor + offset.'),
  offset: z.number().default(0).describe('Added after the factor.'),
})

/** value × factor + offset for the numbers of matching series; texts stay as they are. */
export function createScale(options: z.output<typeof scaleSchema>): Processor {
  const match = new SeriesMatch(options)
  const { factor, offset } = options
  return {
    name: 'scale',
    process(batch) {
      let value: Float64Array | undefined
      for (let i = 0; i < batch.length; i++) {
        if (((batch.flags[i] ?? 0) & isText) !== 0 || !match.has(batch.series[i] ?? 0, batch.names)) continue
        value ??= batch.value.slice()
        value[i] = (value[i] ?? 0) * factor + offset
      }
      return value === undefined ? batch : { ...batch, value }
    },
  }
}
