import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Progress } from '../../src/app/pipeline/progress.ts'
import { runPipeline } from '../../src/app/pipeline/runner.ts'
import { fillStore } from '../../src/app/replays/fill-store.ts'
import { byNumber } from '../../src/core/batch.ts'
import { createIntake } from '../../src/intake/intake.ts'
import { diskStorage } from '../../src/lib/storage.ts'
import { readStream } from '../../src/log/embedded/reader.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded/log.ts'
import { openStore, type OpenStore } from '../../src/stores/table.ts'

const noLetters = { put: () => Promise.reject(new Error('no row should be refused')) }
const dayMicros = 86_400e6
const start = 1_704_067_200e6

test('corrections, late rows, a user’s edits and deletes, then a full replay into a fresh store: both stores are equal', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'sluice-replay-'))
  const log = await openEmbeddedLog(path.join(data, 'log'), {
    segmentBytes: 256 * 1024,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: ['live/readings'],
  })
  const intake = createIntake(log, systemClock, log.start, {
    limits: { series: 1000, seriesPerDevice: 100, nameBytes: 256 },
    rules: [],
    strict: false,
    maxRows: 32_768,
    lingerMs: 0,
    maxBytes: 32e6,
    deadLetters: { maxBytes: 1e6 },
  })
  const live = await openStore('duckdb', {}, { name: 'live', dataFolder: data })
  const stop = new AbortController()
  const progress = new Progress(log.id)
  const place = { storage: diskStorage, folder: path.join(data, 'log'), log: log.id, tail: log.tail }
  const pipeline = runPipeline(
    {
      name: 'live',
      log: log.id,
      stream: 'readings',
      admit: async () => {},
      consume: (options, signal) =>
        readStream(place, 'readings', options, (next) => progress.moved(BigInt(next)), signal),
      processors: [],
      sink: live.sink('readings'),
      letters: noLetters,
      clock: systemClock,
      maxRows: 1000,
      lingerMs: 0,
      onStatus: () => {},
    },
    stop.signal,
  )

  const pump = intake.series('pump', 'temp', 'number', '°C')
  const note = intake.series('pump', 'note', 'text')
  const fan = intake.series('fan', 'speed', 'number')
  const at = (i: number) => start + i * 1e6
  const passed = async () => progress.passed((await intake.durable()).position, AbortSignal.timeout(20_000))
  for (let i = 0; i < 20_000; i++) {
    intake.add(pump, at(i), i / 7, 192, 0)
    if (i % 3 === 0) intake.add(fan, at(i), i, 64, byNumber)
    if (i % 100 === 0) intake.addText(note, at(i), `note ${i} “quoted”`, 192, 0)
    if (i % 500 === 0) await intake.durable()
  }
  await passed()
  for (let i = 0; i < 20_000; i += 10) intake.add(pump, at(i), -i, 0, 0) // corrections
  for (let i = 0; i < 5_000; i++) intake.add(fan, at(i) - 30 * dayMicros, i, 192, 0) // late
  await intake.durable()
  intake.addEdit({ device: 'pump', metric: undefined, from: at(5_000), to: at(7_000), patch: undefined })
  intake.addEdit({
    device: 'fan',
    metric: 'speed',
    from: at(0),
    to: at(3_000),
    patch: { quality: 0, value: 1.5 },
  })
  await intake.durable()
  for (let i = 6_000; i < 6_500; i++) intake.add(pump, at(i), 6, 192, 0) // sent again after the delete: these stay
  await passed()
  intake.add(intake.series('fan', 'speed', 'number', 'rpm'), at(20_000), 1, 192, 0) // its unit is told late
  await passed()
  stop.abort()
  await pipeline

  const fresh = await openStore('duckdb', {}, { name: 'fresh', dataFolder: data })
  const [readings] = await fillStore(
    fresh,
    'fresh',
    log,
    ['readings'],
    noLetters,
    () => {},
    new AbortController().signal,
  )
  const [before, after] = [await contents(live), await contents(fresh)]
  assert.ok(before.length > 30_000, `${before.length} rows`)
  assert.ok(!before.some((row) => row.includes(`temp ${at(5_500)} `)), 'a deleted row is gone')
  assert.deepEqual(after, before)
  const [liveUnits, freshUnits] = [await units(live), await units(fresh)]
  assert.deepEqual(liveUnits, ['fan speed rpm', 'pump note ', 'pump temp °C'])
  assert.deepEqual(freshUnits, liveUnits)
  const { handed, stored, repeated, overwritten } = readings?.books ?? {}
  assert.equal(handed, (stored ?? 0) + (repeated ?? 0) + (overwritten ?? 0))

  await assert.rejects(
    fillStore(fresh, 'fresh', log, ['readings'], noLetters, () => {}, new AbortController().signal),
    /replay goes into an empty store/,
  )
  await live.store.close()
  await fresh.store.close()
  await intake.close()
  await log.close()
  rmSync(data, { recursive: true })
})

/** Every row as text, by device, metric, time and number. */
async function contents({ store }: OpenStore): Promise<string[]> {
  const rows: string[] = []
  for (const device of ['fan', 'pump']) {
    const query = {
      device,
      metric: undefined,
      from: 0,
      to: 2 ** 53,
      limit: 1e6,
      after: undefined,
      order: 'ascending',
    } as const
    for await (const page of store.range(query, new AbortController().signal)) {
      for (let i = 0; i < page.length; i++) {
        rows.push(
          `${device} ${page.metric[i]} ${page.time[i]} ${page.text?.[i] ?? page.value[i]} q${page.quality[i]} #${page.seq[i]}`,
        )
      }
    }
  }
  return rows
}

async function units({ store }: OpenStore): Promise<string[]> {
  const series = await store.series(undefined, undefined, 10, new AbortController().signal)
  return series.map(({ device, metric, unit }) => `${device} ${metric} ${unit}`)
}
