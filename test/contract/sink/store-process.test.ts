import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { StoreProcess } from '../../../src/app/store-process/store-process.ts'
import type { Position } from '../../../src/core/position.ts'
import { createIntake, type GroupCommitIntake } from '../../../src/intake/intake.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { openEmbeddedLog } from '../../../src/log/embedded/log.ts'
import { temporaryFolder } from '../../support/duckdb-store.ts'
import { duckdb } from './duckdb.ts'

const streams = ['readings', 'dead-letters']
const begin = 1_700_000_000_000_000
/** What the doors let nobody send, and a store must refuse all the same. */
const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

test('DuckDB in a process of its own, killed and frozen again and again, has every row once and the bad ones as letters', async (t) => {
  const folder = temporaryFolder(t)
  const { store, intake, stop } = await openProcess(t, folder)
  const series = ['a', 'b', 'c'].map((metric) => intake.series('device', metric, 'number'))
  const good: [time: number, value: number][] = []
  let letters = 0
  let position: Position | undefined
  let dead: number | undefined
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 3_000; i++) {
      const at = round * 3_000 + i
      const value = at % 997 === 5 ? (bad[letters++ % bad.length] ?? 0) : at
      if (value === at) good.push([begin + at, value])
      intake.add(series[at % 3] ?? 0, begin + at, value, 192, 0)
      if (i % 1_000 === 999) ({ position } = await intake.durable())
    }
    const pid = await pidOf(store, dead)
    if (round % 2 === 0) {
      process.kill(pid, 'SIGKILL')
      dead = pid
    } else {
      process.kill(pid, 'SIGSTOP')
      await setTimeout(300)
      process.kill(pid, 'SIGCONT')
    }
  }
  assert.ok(position)
  await applied(store, 'readings', position)
  const books = store.status.pipelines.find(({ stream }) => stream === 'readings')?.books
  assert.deepEqual([books?.handed, books?.stored, books?.deadLettered], [12_000, good.length, letters])
  // Those that the refusals have made stand behind the rows.
  await applied(store, 'dead-letters', (await intake.durable()).position)
  await stop()

  const rows = await (await duckdb.place(t, folder)).rows()
  assert.deepEqual(
    rows.map(({ time, value }) => [time, value]).sort(([a], [b]) => Number(a) - Number(b)),
    good,
  )
  assert.equal((await letterKeys(path.join(folder, 'store.duckdb'))).size, letters)
})

async function openProcess(
  t: TestContext,
  dataFolder: string,
): Promise<{ store: StoreProcess; intake: GroupCommitIntake; stop(): Promise<void> }> {
  const logFolder = path.join(dataFolder, 'log')
  const group = (stream: string) => `store/${stream}`
  const log = await openEmbeddedLog(logFolder, {
    segmentBytes: 64 * 1024,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: streams.map(group),
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
  const store = new StoreProcess(log, intake, {
    name: 'store',
    type: 'duckdb',
    options: {},
    dataFolder,
    logFolder,
    pipelines: streams.map((stream) => ({
      ...{ stream, group: group(stream) },
      ...{ maxRows: 700, lingerMs: 0, processors: [] },
    })),
    sourceOf: () => undefined,
    onEvent: () => {},
    onStatus: () => {},
  })
  store.start()
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await store.stop()
    await intake.close()
    await log.close()
  }
  t.after(stop)
  return { store, intake, stop }
}

/** Waits until the store has applied what lies before the position, however often its process dies meanwhile. */
async function applied(store: StoreProcess, stream: string, position: Position): Promise<void> {
  const giveUp = AbortSignal.timeout(60_000)
  for (;;) {
    try {
      await store.passed(stream, position, giveUp)
      return
    } catch (error) {
      if (giveUp.aborted) throw error
      await setTimeout(50)
    }
  }
}

/** Of a process that is open; `dead` was killed, of which the news may still be on its way. */
async function pidOf(store: StoreProcess, dead: number | undefined): Promise<number> {
  const giveUp = AbortSignal.timeout(60_000)
  for (;;) {
    const { ready, pid } = store.status
    if (ready && pid !== undefined && pid !== dead) return pid
    giveUp.throwIfAborted()
    await setTimeout(10)
  }
}

async function letterKeys(file: string): Promise<Set<unknown>> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  try {
    const named = await connection.runAndReadAll("SELECT id FROM streams WHERE name = 'dead-letters'")
    const [[id] = []] = named.getRows()
    return new Set((await connection.runAndReadAll(`SELECT key FROM d${Number(id)}`)).getRows().flat())
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
