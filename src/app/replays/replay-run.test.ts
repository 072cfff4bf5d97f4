import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { never, openStore } from '../../../test/support/duckdb-store.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import { until } from '../../../test/support/until.ts'
import { systemClock } from '../../lib/clock.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import { type ReplayOrder, type ReplayParts, runReplay } from './replay-run.ts'
import type { DuckdbStore } from '../../stores/duckdb/store.ts'

const order = (from: number, to: number, rate?: number): ReplayOrder => ({
  lane: 'again',
  streams: [{ stream: 'readings', group: 'replay/again/readings', processors: [] }],
  from: BigInt(from),
  until: BigInt(to),
  rate,
})

/** A log of `n` readings in commits of ten, and an empty store. */
async function filled(t: TestContext, n: number): Promise<{ log: EmbeddedLog; store: DuckdbStore }> {
  const { log } = await openSimulatedLog()
  t.after(() => log.close())
  for (let i = 0; i < n; i += 10)
    await log.commit(changesOf({ names: i === 0 ? [nameOf(0)] : [], readings: countingReadings(i, 10) }))
  return { log, store: await openStore(t) }
}

function partsOf(log: EmbeddedLog, store: DuckdbStore): ReplayParts & { readonly seen: PipelineStatus[] } {
  const seen: PipelineStatus[] = []
  return {
    name: 'store',
    log: log.id,
    sink: (stream, lane) => store.replaySink(lane, stream),
    admit: (group, position) => log.admit(group, position),
    consume: (stream, group, options, signal) => log.consume(stream, group, options, signal),
    acknowledge: (group, next) => log.acknowledge(group, next),
    processors: async () => [],
    isLiveBehind: () => false,
    letters: { put: () => Promise.reject(new Error('no row should be refused')) },
    clock: systemClock,
    onStatus: (status) => seen.push(status),
    seen,
  }
}

async function numbers(store: DuckdbStore): Promise<number[]> {
  const all: number[] = []
  for await (const { seq } of store.range(
    {
      device: nameOf(0).device,
      metric: nameOf(0).metric,
      from: -1e15,
      to: 1e15,
      limit: 1e6,
      after: undefined,
      order: 'ascending',
    },
    never,
  ))
    all.push(...Array.from(seq, Number))
  return all.sort((a, b) => a - b)
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('a replay gives a sink what lies between its numbers, to the row, though the log goes on', async (t) => {
  const { log, store } = await filled(t, 100)
  assert.equal(await runReplay(order(17, 54), partsOf(log, store), never), true)
  assert.deepEqual(await numbers(store), range(17, 54))
  const state = await store.replaySink('again').state(log.id, 0)
  assert.equal(state?.position.next, 54n)
  assert.equal(state?.books.handed, 37)
  assert.equal(await store.state(log.id, 0), undefined, 'the live position is another')
})

test('a replay that is cut short goes on where the sink stands', async (t) => {
  const { log, store } = await filled(t, 100)
  const stop = new AbortController()
  const parts = partsOf(log, store)
  const running = runReplay(order(0, 100, 40), parts, stop.signal)
  await until(() => parts.seen.some(({ books }) => books.handed > 0))
  stop.abort()
  assert.equal(await running, false)
  const handed = parts.seen.at(-1)?.books.handed ?? 0
  assert.ok(handed > 0 && handed < 100, `${handed} of 100`)
  assert.equal(await runReplay(order(0, 100), partsOf(log, store), never), true)
  assert.deepEqual(await numbers(store), range(0, 100))
  const books = (await store.replaySink('again').state(log.id, 0))?.books
  assert.deepEqual([books?.handed, books?.stored, books?.repeated], [100, 100, 0], 'each row was handed once')
})

test('a replay writes nothing while live traffic waits', async (t) => {
  const { log, store } = await filled(t, 100)
  let isBehind = true
  let looked = 0
  const parts = {
    ...partsOf(log, store),
    isLiveBehind: () => {
      looked++
      return isBehind
    },
  }
  const running = runReplay(order(0, 100), parts, never)
  await until(() => looked >= 3)
  assert.deepEqual(await numbers(store), [])
  isBehind = false
  assert.equal(await running, true)
  assert.deepEqual(await numbers(store), range(0, 100))
})
