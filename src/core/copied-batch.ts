import type { Batch, Readings } from './batch.ts'
import type { SeriesName, SeriesNames } from './series.ts'

/** A batch as plain data, which crosses a process border: the names that its rows need come with it. */
export type PackedBatch = Exclude<Batch, Readings> | PackedReadings

type PackedReadings = Omit<Readings, 'names'> & {
  /** By the ids of `series`, which count from 0. */
  readonly names: readonly SeriesName[]
}

export function packBatch(batch: Batch): PackedBatch {
  if (batch.kind !== 'readings') return batch
  const own = new Map<number, number>()
  const names: SeriesName[] = []
  const series = batch.series.map((id) => {
    const known = own.get(id)
    if (known !== undefined) return known
    const { device, metric, unit } = batch.names.get(id) ?? { device: '', metric: '', unit: '' }
    own.set(id, names.length)
    return names.push({ device, metric, unit }) - 1
  })
  return { ...batch, series, names }
}

export function unpackBatch(packed: PackedBatch): Batch {
  if (packed.kind !== 'readings') return packed
  const { names } = packed
  const dictionary: SeriesNames = { size: names.length, version: 0, get: (id) => names[id] }
  return { ...packed, names: dictionary }
}
