import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { byNumber, type Edit, isText, type Readings } from '../../core/batch.ts'
import type { Sink } from '../../core/sink.ts'
import { textColumn } from '../../core/text-column.ts'
import {
  never,
  noTerms,
  openStore,
  PaperLog,
  rowsOf,
  temporaryFolder,
} from '../../../test/support/duckdb-store.ts'
import type { DuckdbStore } from './store.ts'

/** One record of a log: a row, or a user's edit. Its number is its place in the array. */
type Entry =
  | {
      readonly kind: 'row'
      readonly metric: number
      readonly time: number
      readonly value: number | string
      readonly byNumber: boolean
    }
  | {
      readonly kind: 'edit'
      readonly metric: number | undefined
      readonly from: number
      readonly to: number
      readonly patch: Edit['patch']
    }

interface Scenario {
  readonly entries: readonly Entry[]
  /** Rows that the live lane skips, as if they had become dead letters; they are replayed at the end. */
  readonly letters: readonly number[]
  /** Rows that a live write takes at most. */
  readonly batchRows: number
  /** Ranges that are replayed beside the live lane, after so many entries. */
  readonly replays: readonly { readonly after: number; readonly from: number; readonly to: number }[]
  /** Jobs of upkeep that are done after an entry: cuts, and the steps of sorting. */
  readonly upkeep: readonly { readonly after: number; readonly jobs: number }[]
  /** Entries after which the store is closed and opened again. */
  readonly reopenAfter: readonly number[]
}

const time = fc.integer({ min: 0, max: 6 })
const value = fc.oneof(fc.integer({ min: 0, max: 99 }), fc.constantFrom('on', 'off', '🚀'))
const row = fc.record({
  kind: fc.constant('row' as const),
  metric: fc.integer({ min: 0, max: 2 }),
  time,
  value,
  byNumber: fc.boolean(),
})
const edit = fc.record({
  kind: fc.constant('edit' as const),
  metric: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  from: time,
  to: time,
  patch: fc.option(
    fc.oneof(
      fc.record({ value }),
      fc.record({ quality: fc.constantFrom(0, 64) }),
      fc.record({ value, quality: fc.constant(0) }),
    ),
    { nil: undefined },
  ),
})
const scenario: fc.Arbitrary<Scenario> = fc
  .array(fc.oneof({ weight: 4, arbitrary: row }, { weight: 1, arbitrary: edit }), {
    minLength: 1,
    maxLength: 40,
  })
  .chain((entries) => deliveries(entries))

/** Ways in which the entries may reach a store. */
function deliveries(entries: readonly Entry[]): fc.Arbitrary<Scenario> {
  const place = fc.nat(entries.length - 1)
  return fc.record({
    entries: fc.constant(entries),
    letters: fc.array(place, { maxLength: 4 }),
    batchRows: fc.integer({ min: 1, max: 12 }),
    replays: fc.array(fc.record({ after: place, from: place, to: fc.nat(entries.length) }), { maxLength: 3 }),
    upkeep: fc.array(fc.record({ after: place, jobs: fc.integer({ min: 1, max: 4 }) }), { maxLength: 8 }),
    reopenAfter: fc.array(place, { maxLength: 1 }),
  })
}

test('live store, full replay and plain array agree after any mix of rows, corrections, late rows and edits', async (t) => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const expected = model(given.entries)
      const live = await runLive(t, given)
      assert.deepEqual(await contents(live), expected)
      assertLatest(await live.latest('device', 100, never), expected)
      await live.close()
      const fresh = await runLive(t, { ...given, letters: [], replays: [], upkeep: [], reopenAfter: [] })
      assert.deepEqual(await contents(fresh), expected)
      assertLatest(await fresh.latest('device', 100, never), expected)
      await fresh.close()
    }),
    { numRuns: Number(process.env['SLUICE_RUNS'] ?? 25) },
  )
})

test('a deleted row does not come back by a replay, and a patched one comes back patched', async (t) => {
  const entries: Entry[] = [
    { kind: 'row', metric: 0, time: 1, value: 1, byNumber: false },
    { kind: 'row', metric: 0, time: 2, value: 2, byNumber: false },
    { kind: 'edit', metric: 0, from: 1, to: 2, patch: undefined },
    { kind: 'edit', metric: 0, from: 2, to: 3, patch: { value: 20, quality: 0 } },
    { kind: 'row', metric: 0, time: 3, value: 10, byNumber: false },
  ]
  const store = await runLive(t, {
    entries,
    letters: [],
    batchRows: 10,
    replays: [
      { after: 3, from: 0, to: 4 },
      { after: 4, from: 0, to: 5 },
    ],
    upkeep: [],
    reopenAfter: [],
  })
  assert.deepEqual(await contents(store), [
    { metric: 'm0', time: 2, value: 20, quality: 0, seq: 1n },
    { metric: 'm0', time: 3, value: 10, quality: 192, seq: 4n },
  ])
})

test('an edit covers rows of its own log and partition only, and those of older logs', async (t) => {
  const store = await openStore(t)
  const old = new PaperLog({ next: 500n })
  await old.put(store, [{ device: 'a', metric: 'm', time: 1, value: 1 }])
  const other = new PaperLog({ of: old, partition: 1, next: 3n })
  await other.put(store, [{ device: 'b', metric: 'm', time: 1, value: 1 }])
  // Partition 0's numbers say nothing of partition 1's rows.
  await store.write(
    old.write(old.edit({ device: 'b', metric: undefined, from: 0, to: 9, patch: undefined })),
    never,
  )
  assert.equal((await rowsOf(store, 'b')).length, 1)
  const next = new PaperLog()
  await next.put(store, [{ device: 'c', metric: 'm', time: 1, value: 1 }])
  await store.write(
    next.write(next.edit({ device: 'a', metric: undefined, from: 0, to: 9, patch: undefined })),
    never,
  )
  assert.equal((await rowsOf(store, 'a')).length, 0)
})

/** Feeds the log to the live lane, with replays beside it, then replays the letters. */
async function runLive(t: TestContext, given: Scenario): Promise<DuckdbStore> {
  const { entries } = given
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  let store = await openStore(t, file, { chunkRows: 4 })
  const log = new PaperLog()
  const letters = new Set(given.letters.filter((number) => entries[number]?.kind === 'row'))
  let stored = 0
  let handed = 0
  for (let at = 0; at < entries.length; ) {
    const to = nextCut(entries, at, given.batchRows)
    const result = await feed(store, log, entries, at, to, (number) => !letters.has(number))
    handed += result.handed
    stored += result.stored
    for (let number = at; number < to; number++) {
      for (const replay of given.replays) {
        if (replay.after !== number) continue
        const taken = { from: replay.from, to: Math.min(replay.to, to) }
        stored += await replayed(store, log, entries, taken, (each) => !letters.has(each))
      }
    }
    for (const { after, jobs } of given.upkeep) if (after >= at && after < to) await store.settle(jobs)
    if (given.reopenAfter.some((number) => number >= at && number < to)) {
      await store.close()
      store = await openStore(t, file, { chunkRows: 4 })
    }
    at = to
  }
  stored += await replayed(store, log, entries, { from: 0, to: entries.length }, (number) =>
    letters.has(number),
  )
  const { books } = (await store.state(log.id, 0)) ?? assert.fail('no position')
  assert.equal(books.handed, handed)
  assert.equal(books.handed, books.stored + books.repeated + books.overwritten)
  const { readings } = await store.count(never)
  if (entries.every((entry) => entry.kind === 'row')) assert.equal(readings, stored)
  return store
}

let replayCount = 0

async function replayed(
  store: DuckdbStore,
  log: PaperLog,
  entries: readonly Entry[],
  { from, to }: { from: number; to: number },
  isTaken: (number: number) => boolean,
): Promise<number> {
  const sink = store.replaySink(`replay-${++replayCount}`)
  const again = new PaperLog({ of: log, next: BigInt(from) })
  let stored = 0
  for (let at = from; at < to; ) {
    const cut = Math.min(to, nextCut(entries, at, 100))
    stored += (await feed(sink, again, entries, at, cut, isTaken)).stored
    at = cut
  }
  return stored
}

/** An edit stands alone; rows go up to the next edit. */
function nextCut(entries: readonly Entry[], at: number, batchRows: number): number {
  if (entries[at]?.kind === 'edit') return at + 1
  let to = at
  while (to < entries.length && to - at < batchRows && entries[to]?.kind === 'row') to++
  return to
}

async function feed(
  sink: Pick<Sink, 'write'>,
  log: PaperLog,
  entries: readonly Entry[],
  from: number,
  to: number,
  isTaken: (number: number) => boolean,
): Promise<{ stored: number; handed: number }> {
  const place = { log: log.id, partition: 0 }
  const range = { from: { ...place, next: BigInt(from) }, to: { ...place, next: BigInt(to) } }
  const first = entries[from]
  if (first?.kind === 'edit') {
    const metric = first.metric === undefined ? undefined : `m${first.metric}`
    const batch = log.edit(
      { device: 'device', metric, from: first.from, to: first.to, patch: first.patch },
      BigInt(from),
    )
    await sink.write({ batch, ...range, terms: noTerms }, never)
    return { stored: 0, handed: 0 }
  }
  const numbers: number[] = []
  for (let number = from; number < to; number++) if (isTaken(number)) numbers.push(number)
  const batch = numbers.length === 0 ? undefined : readings(log, entries, numbers, from)
  const written = await sink.write({ batch, ...range, terms: { ...noTerms, handed: numbers.length } }, never)
  assert.equal(written.stored + written.repeated + written.overwritten, numbers.length)
  return { stored: written.stored, handed: numbers.length }
}

function readings(
  log: PaperLog,
  entries: readonly Entry[],
  numbers: readonly number[],
  base: number,
): Readings {
  const rows = numbers.map((number) => entries[number]).filter((entry) => entry?.kind === 'row')
  return {
    kind: 'readings',
    length: rows.length,
    base: BigInt(base),
    row: Uint32Array.from(numbers, (number) => number - base),
    series: Uint32Array.from(rows, (each) => log.seriesId('device', `m${each.metric}`)),
    time: Float64Array.from(rows, (each) => each.time),
    value: Float64Array.from(rows, (each) => (typeof each.value === 'number' ? each.value : Number.NaN)),
    quality: new Uint8Array(rows.length).fill(192),
    flags: Uint8Array.from(
      rows,
      (each) => (each.byNumber ? byNumber : 0) | (typeof each.value === 'string' ? isText : 0),
    ),
    text: textColumn(rows.map((each) => (typeof each.value === 'string' ? each.value : ''))),
    extra: undefined,
    names: log.names,
  }
}

interface Kept {
  metric: string
  time: number
  value: number | string
  quality: number
  seq: bigint
}

/** What must stand in the end: the log in its order, on a plain array. */
function model(entries: readonly Entry[]): Kept[] {
  let kept = new Map<string, Kept>()
  entries.forEach((entry, number) => {
    if (entry.kind === 'row') {
      const metric = `m${entry.metric}`
      const identity = `${metric} ${entry.time} ${entry.byNumber ? number : 0} ${entry.byNumber}`
      kept.set(identity, { metric, time: entry.time, value: entry.value, quality: 192, seq: BigInt(number) })
      return
    }
    const isIn = (each: Kept) =>
      (entry.metric === undefined || each.metric === `m${entry.metric}`) &&
      each.time >= entry.from &&
      each.time < entry.to
    if (entry.patch === undefined) kept = new Map([...kept].filter(([, each]) => !isIn(each)))
    else for (const each of kept.values()) if (isIn(each)) Object.assign(each, entry.patch)
  })
  return [...kept.values()].sort(
    (a, b) => a.metric.localeCompare(b.metric) || a.time - b.time || Number(a.seq - b.seq),
  )
}

function contents(store: DuckdbStore): Promise<Kept[]> {
  return rowsOf(store, 'device')
}

function assertLatest(
  latest: readonly { metric: string; time: number; value: number | string; quality: number }[],
  expected: readonly Kept[],
): void {
  const newest = new Map<string, Kept>()
  for (const each of expected) newest.set(each.metric, each)
  assert.deepEqual(
    latest.map(({ metric, time, value, quality }) => ({ metric, time, value, quality })),
    [...newest.values()].map(({ metric, time, value, quality }) => ({ metric, time, value, quality })),
  )
}
