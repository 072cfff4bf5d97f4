import type { Batch } from '../../src/core/batch.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { duckdbSchema } from '../../src/stores/duckdb/component.ts'
import { Removals } from '../../src/stores/duckdb/removals.ts'
import { DuckdbStore } from '../../src/stores/duckdb/store.ts'
import { never, PaperLog, type Row } from './duckdb-store.ts'

/**
 * The process that the kill test kills: writes the scripted batches one after the other, from where its store stands.
 * With a second argument it removes rows in at most so many row groups at once. It writes `<` before and `>` after each write, so that whoever kills it knows where the kill fell.
 */

const series = 7
export const scriptedBatches = 4_000
export const scriptedLog = '11111111-1111-4111-8111-111111111111'

/**
 * Batch b of the script, the same whenever it is asked for: mostly new rows, some of them texts, with corrections of the batch before and
 * late rows; every ninth is an edit instead.
 */
export function scriptedBatch(log: PaperLog, b: number): Batch {
  const time = (batch: number, i: number) => 1_000_000 + batch * 10_000 + i
  if (b % 9 === 8) {
    const range = { device: 'd', metric: `m${b % series}`, from: time(b - 3, 0), to: time(b - 1, 100) }
    return log.edit({ ...range, patch: b % 18 === 8 ? undefined : { value: b } })
  }
  const rows: Row[] = []
  for (let i = 0; i < 200 + ((b * 7919) % 1800); i++) {
    const value = b * 10_000 + i
    const metric = i % series
    rows.push({
      device: 'd',
      metric: `m${metric}`,
      time: time(b, i),
      value: metric === 6 ? `v${value}` : value,
    })
  }
  if (b > 0) {
    for (let i = 0; i < 20; i++) {
      rows.push({ device: 'd', metric: `m${i % series}`, time: time(b - 1, i), value: -b })
    }
    // Far back, where other row groups are.
    for (const back of [20, 40, 80]) {
      if (b > back) rows.push({ device: 'd', metric: 'm1', time: time(b - back, 1), value: -b })
    }
    rows.push({ device: 'd', metric: 'm0', time: b, value: b })
    rows.push({ device: 'd', metric: 'm0', time: 7, value: b, byNumber: true })
  }
  return log.readings(rows)
}

if (import.meta.main) {
  const [file = '', rowGroups] = process.argv.slice(2)
  const store = await DuckdbStore.open({
    ...duckdbSchema.parse({ memoryLimitMb: 128, threads: 1, chunkRows: 20_000 }),
    file,
    clock: systemClock,
    removals: new Removals(rowGroups === undefined ? undefined : Number(rowGroups)),
  })
  const position = (await store.state(scriptedLog, 0))?.position.next ?? 0n
  // The script is followed from its beginning, because the log's dictionary and numbers come from it.
  const log = new PaperLog({ id: scriptedLog })
  for (let b = 0; b < scriptedBatches; b++) {
    const write = log.write(scriptedBatch(log, b))
    if (write.from.next < position) continue
    process.stdout.write('<')
    await store.write(write, never)
    process.stdout.write('>')
  }
}
