import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createIntake, type GroupCommitIntake } from '../../intake/intake.ts'
import { systemClock } from '../../lib/clock.ts'
import { openEmbeddedLog } from '../../log/embedded/log.ts'
import { StoreProcess } from './store-process.ts'

const never = new AbortController().signal
const start = 1_704_067_200e6

/** A store in a process of its own, behind a log of its own. */
async function openStoreProcess(t: TestContext): Promise<{ store: StoreProcess; intake: GroupCommitIntake }> {
  const dataFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-store-process-'))
  const logFolder = path.join(dataFolder, 'log')
  const log = await openEmbeddedLog(logFolder, {
    segmentBytes: 1e6,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: ['main/readings'],
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
    name: 'main',
    type: 'duckdb',
    options: {},
    dataFolder,
    logFolder,
    pipelines: [{ stream: 'readings', group: 'main/readings', maxRows: 65_536, lingerMs: 0, processors: [] }],
    sourceOf: () => undefined,
    onEvent: () => {},
    onStatus: () => {},
  })
  store.start()
  t.after(async () => {
    await store.stop()
    await intake.close()
    await log.close()
    fs.rmSync(dataFolder, { recursive: true })
  })
  return { store, intake }
}

test('what is read piece by piece does not end early when the store’s process dies between two pieces', async (t) => {
  const { store, intake } = await openStoreProcess(t)
  const series = intake.series('d', 'm', 'number')
  for (let i = 0; i < 40_000; i++) intake.add(series, start + i, i, 192, 0)
  const { position } = await intake.durable()
  await store.passed('readings', position, AbortSignal.timeout(20_000))
  const [part] = await store.copies.parts(never)
  assert.ok(part)
  const batches = store.copies.scan(part, 0n, never)[Symbol.asyncIterator]()
  const first = await batches.next()
  assert.ok(first.done === false && first.value.length < 40_000)
  process.kill(store.status.pid ?? 0, 'SIGKILL')
  while (store.status.restarts === 0 || !store.status.ready) await setTimeout(20)
  await assert.rejects(batches.next(), { code: 'store-down', message: /opened anew meanwhile/ })
  let rows = 0
  for await (const { length } of store.copies.scan(part, 0n, never)) rows += length
  assert.equal(rows, 40_000, 'asked again it is whole')
})

test('what a store was heard to have applied is known while its process is away', async (t) => {
  const { store, intake } = await openStoreProcess(t)
  intake.add(intake.series('d', 'm', 'number'), start, 1, 192, 0)
  const { position } = await intake.durable()
  const later = { ...position, next: position.next + 1n }
  await store.passed('readings', position, AbortSignal.timeout(20_000))
  while ((store.status.pipelines[0]?.position?.next ?? 0n) < position.next) await setTimeout(20)
  process.kill(store.status.pid ?? 0, 'SIGSTOP')
  try {
    await store.passed('readings', position, AbortSignal.timeout(20_000))
    await assert.rejects(store.passed('readings', later, AbortSignal.timeout(50)), { name: 'TimeoutError' })
  } finally {
    process.kill(store.status.pid ?? 0, 'SIGCONT')
  }
})
