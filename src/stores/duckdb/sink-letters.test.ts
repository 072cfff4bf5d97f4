import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { encodeDiscard } from '../../core/discard.ts'
import { encodeLetterKey } from '../../core/letter-key.ts'
import { never, openStore, PaperLog, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import type { DuckdbStore } from './store.ts'

const stream = 'dead-letters'
const rowLog = '11111111-0000'
const keyOf = (number: number) => encodeLetterKey('main', { log: rowLog, number: BigInt(number) })

/** The letter of a row that the store main refused, as the intake writes it. */
const sinks = (number: number, time: number, reason = 'no') => ({
  ...{ key: keyOf(number), time },
  body: JSON.stringify({
    ...{ code: 'invalid-value', reason, source: 'main', device: 'd', key: keyOf(number), bytes: '' },
  }),
})
/** Of a door, by a device that has such a name. */
const doors = (time: number) => ({
  ...{ key: keyOf(7), time },
  body: JSON.stringify({ code: 'undecodable', reason: `,"key":"${keyOf(7)}"`, source: 'mqtt', bytes: '' }),
})
const discard = (...letters: readonly (readonly [number: number, time: number, key?: string])[]) => ({
  ...{ key: '', time: 9 },
  body: encodeDiscard({
    letters: letters.map(([number, time, key]) => ({ number: BigInt(number), time, key })),
    principal: 'local',
    replayed: true,
  }),
})

type Letters = Parameters<PaperLog['documents']>[1]

async function put(store: DuckdbStore, log: PaperLog, rows: Letters): Promise<[number, number]> {
  const { stored, repeated } = await store.sink(stream).write(log.write(log.documents(stream, rows)), never)
  return [stored, repeated]
}

test('a sink’s letter that is put twice stands once: in one batch, in the next, and after a restart', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const log = new PaperLog()
  const first = await openStore(t, file)
  assert.deepEqual(await put(first, log, [sinks(7, 10), sinks(7, 11, 'other words')]), [1, 1])
  assert.deepEqual(await put(first, log, [sinks(8, 12), sinks(7, 13), sinks(5, 14)]), [2, 1])
  await first.close()
  const second = await openStore(t, file)
  assert.deepEqual(await put(second, log, [sinks(8, 15), sinks(9, 16)]), [1, 1])
  assert.deepEqual(await numbers(second), ['6', '4', '2', '0'])
  assert.deepEqual(await second.count(never), { readings: 0, documents: 4 })
  const { books } = (await second.sink(stream).state(log.id, 0)) ?? {}
  assert.deepEqual([books?.handed, books?.stored, books?.repeated], [7, 4, 3])
})

test('letters of doors are never taken for repeats, whatever they say', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  assert.deepEqual(await put(store, log, [doors(10), doors(10), sinks(7, 10), doors(10)]), [4, 0])
  assert.deepEqual(await put(store, log, [doors(10), sinks(7, 11), discard([9, 9, keyOf(7)])]), [2, 1])
  assert.deepEqual(await numbers(store), ['6', '4', '3', '1', '0'])
})

test('behind its discard a letter of the same key is a new one, in whatever batches they come', async (t) => {
  const log = new PaperLog()
  const rows = [sinks(7, 10), sinks(7, 11), discard([0, 10, keyOf(7)]), sinks(7, 12), sinks(7, 13)]
  const [whole, parted, old] = [await openStore(t), await openStore(t), await openStore(t)]
  assert.deepEqual(await put(whole, log, rows), [3, 2])
  assert.deepEqual(await numbers(whole), ['3', '2'])
  const again = new PaperLog({ of: log })
  for (const row of rows) await put(parted, again, [row])
  assert.deepEqual(await numbers(parted), ['3', '2'])
  // A record of an older Sluice names the number only.
  const before = new PaperLog({ of: log })
  await put(old, before, [sinks(7, 10)])
  assert.deepEqual(await put(old, before, [discard([0, 10]), sinks(7, 12)]), [2, 0])
  assert.deepEqual(await numbers(old), ['2', '1'])
})

test('a store that holds the letter under another number loses it with its discard, and keeps those behind it', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog({ next: 1n })
  await put(store, log, [sinks(7, 11), sinks(8, 12), discard([0, 10, keyOf(7)]), sinks(7, 13)])
  assert.deepEqual(await numbers(store), ['4', '3', '2'])
})

test('a replay of the log brings back none of them', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const rows = [sinks(7, 10), sinks(7, 11), discard([0, 10, keyOf(7)]), sinks(7, 12), sinks(6, 13)]
  await put(store, log, rows)
  const left = ['4', '3', '2']
  assert.deepEqual(await numbers(store), left)
  for (const end of [1, 2, 5]) {
    const again = new PaperLog({ of: log })
    const write = again.write(again.documents(stream, rows.slice(0, end)))
    const { stored, repeated } = await store.replaySink(`to-${end}`, stream).write(write, never)
    assert.equal(stored + repeated, end)
    assert.deepEqual(await numbers(store), left, `the first ${end}`)
  }
  assert.deepEqual(await store.count(never), { readings: 0, documents: 3 })
})

async function numbers(store: DuckdbStore): Promise<string[]> {
  const query = { stream, key: undefined, from: -1e15, to: 1e15, match: undefined, before: undefined }
  const rows = await store.documents({ ...query, limit: 100 }, never)
  return rows.map(({ seq }) => String(seq))
}
