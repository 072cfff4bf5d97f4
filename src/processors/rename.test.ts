import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Readings } from '../core/batch.ts'
import type { SeriesName } from '../core/series.ts'
import { createRename, renameSchema } from './rename.ts'

test('a renamed series has the unit that becomes known later', () => {
  const known: SeriesName[] = [{ device: 'd', metric: 'm', unit: '' }]
  const names = { get: (id: number) => known[id], size: 1, version: 0 }
  const batch: Readings = {
    kind: 'readings',
    length: 1,
    base: 0n,
    row: undefined,
    series: new Uint32Array(1),
    time: new Float64Array(1),
    value: new Float64Array(1),
    quality: new Uint8Array(1),
    flags: new Uint8Array(1),
    text: undefined,
    extra: undefined,
    names,
  }
  const rename = createRename(renameSchema.parse({ toDevice: 'plant-{device}' }))
  const renamed = () => rename.process(batch).names
  assert.deepEqual(renamed().get(0), { device: 'plant-d', metric: 'm', unit: '' })
  known[0] = { device: 'd', metric: 'm', unit: 'K' }
  names.version++
  assert.deepEqual(renamed().get(0), { device: 'plant-d', metric: 'm', unit: 'K' })
  assert.equal(renamed().version, 1)
})
