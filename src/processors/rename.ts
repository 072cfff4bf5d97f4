import { z } from 'zod'
import type { Processor } from '../core/processor.ts'
import type { SeriesId, SeriesName, SeriesNames } from '../core/series.ts'
import { SeriesMatch, seriesMatchSchema } from './series-match.ts'

export const renameSchema = z.strictObject({
  ...seriesMatchSchema,
  toDevice: z
    .string()
    .min(1)
    .optional()
    .describe('New device name; {device} and {metric} stand for the old ones.'),
  toMetric: z
    .string()
    .min(1)
    .optional()
    .describe('New metric name; {device} and {metric} stand for the old ones.'),
  toUnit: z.string().optional().describe('New unit.'),
})

/** Gives matching series other names on their way to this sink. Two series of one new name become one there. */
export function createRename(options: z.output<typeof renameSchema>): Processor {
  const match = new SeriesMatch(options)
  const { toDevice, toMetric, toUnit } = options
  let last: { from: SeriesNames; version: number; known: SeriesName[]; to: SeriesNames } | undefined

  const fill = (template: string, name: SeriesName) =>
    template.replace(/\{(device|metric)\}/g, (_, part: string) =>
      part === 'device' ? name.device : name.metric,
    )

  function renamed(from: SeriesNames): SeriesNames {
    const { version } = from
    if (last?.from === from) {
      // The names given are made anew when one that they were made of changes.
      if (last.version !== version) last.known.length = 0
      last.version = version
      return last.to
    }
    const known: SeriesName[] = []
    const to: SeriesNames = {
      get size() {
        return from.size
      },
      get version() {
        return from.version
      },
      get(id: SeriesId) {
        const name = from.get(id)
        if (name === undefined || !match.has(id, from)) return name
        known[id] ??= {
          device: toDevice === undefined ? name.device : fill(toDevice, name),
          metric: toMetric === undefined ? name.metric : fill(toMetric, name),
          unit: toUnit ?? name.unit,
        }
        return known[id]
      },
    }
    last = { from, version, known, to }
    return to
  }

  return { name: 'rename', process: (batch) => ({ ...batch, names: renamed(batch.names) }) }
}
