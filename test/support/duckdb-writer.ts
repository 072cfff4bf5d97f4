import { PaperLog, never, type Row } from './duckdb-store.ts'
import { createDuckdbStore } from '../../src/stores/duckdb/component.ts'
import { systemClock } from '../../src/lib/clock.ts'

/**
 * The process that the kill test kills: writes the batches of `scriptedRows` one after the other, from where its store stands.
 * It writes `<` before and `>` after each write, so that whoever kills it knows where the kill fell.
 */

const series = 7
const batches = 4_000

/** Rows of batch b: mostly new ones, then corrections of the batch before and a late row; the same whenever they are asked for. */
export function scriptedRows(b: number): Row[] {
  const size = 200 + ((b * 7919) % 1800)
  const rows: Row[] = []
  for (let i = 0; i < size; i++) {
    rows.push({
      device: 'd',
      metric: `m${i % series}`,
      time: 1_000_000 + b * 10_000 + i,
      value: b * 10_000 + i,
    })
  }
  if (b > 0) {
    for (let i = 0; i < 20; i++) {
      rows.push({ device: 'd', metric: `m${i % series}`, time: 1_000_000 + (b - 1) * 10_000 + i, value: -b })
    }
    rows.push({ device: 'd', metric: 'm0', time: b, value: b })
    rows.push({ device: 'd', metric: 'm0', time: 7, value: b, byNumber: true })
  }
  return rows
}

/** Number of the first row of each batch, and one more. */
export function scriptedStarts(count: number): number[] {
  const starts = [0]
  for (let b = 0; b < count; b++) starts.push((starts[b] ?? 0) + scriptedRows(b).length)
  return starts
}

export const scriptedLog = '11111111-1111-4111-8111-111111111111'

if (import.meta.main) {
  const [file = ''] = process.argv.slice(2)
  const store = await createDuckdbStore({
    file,
    memoryLimitMb: 128,
    threads: 1,
    chunkRows: 20_000,
    clock: systemClock,
  })
  const position = (await store.state(scriptedLog, 0))?.position.next ?? 0n
  const log = new PaperLog({ id: scriptedLog, next: position })
  const starts = scriptedStarts(batches)
  for (let b = starts.indexOf(Number(position)); b < batches; b++) {
    const write = log.write(log.readings(scriptedRows(b)))
    process.stdout.write('<')
    await store.write(write, never)
    process.stdout.write('>')
  }
}
