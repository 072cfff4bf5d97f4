import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDiscard } from '../../core/discard.ts'
import { never, openStore, PaperLog } from '../../../test/support/duckdb-store.ts'
import type { DuckdbStore } from './store.ts'

const letter = (time: number) => ({ key: 'd', time, body: JSON.stringify({ code: 'undecodable', time }) })
const discard = (...letters: readonly (readonly [number: number, time: number])[]) => ({
  key: '',
  time: 9,
  body: encodeDiscard({
    letters: letters.map(([number, time]) => ({ number: BigInt(number), time })),
    principal: 'local',
  }),
})

test('discarded letters are gone, and stay gone in a replay, in whatever batches it comes', async (t) => {
  const log = new PaperLog()
  const stream = 'dead-letters'
  const store = await openStore(t)
  const writes = [
    log.write(log.documents(stream, [letter(10), letter(11), letter(12)])),
    // The letter of time 13 has number 3. Of number 2 no letter has the time 99: it is another log's.
    log.write(log.documents(stream, [letter(13), discard([0, 10], [3, 13], [2, 99]), letter(14)])),
  ]
  for (const write of writes) {
    const { stored } = await store.sink(stream).write(write, never)
    assert.equal(stored, 3, 'the record of the discard is stored too')
  }
  const left = ['5', '4', '2', '1']
  assert.deepEqual(await numbers(store), left)
  assert.deepEqual(await store.count(never), { readings: 0, documents: 4 })
  assert.equal((await store.sink(stream).state(log.id, 0))?.books.stored, 6)

  const fresh = await openStore(t)
  const again = new PaperLog({ of: log })
  const whole = again.documents(stream, [
    ...[10, 11, 12, 13].map(letter),
    discard([0, 10], [3, 13], [2, 99]),
    letter(14),
  ])
  await fresh.sink(stream).write(again.write(whole), never)
  assert.deepEqual(await numbers(fresh), left, 'in one batch')
})

test('a discarded letter stays away in a replay that ends before its discard', async (t) => {
  const log = new PaperLog()
  const stream = 'dead-letters'
  const store = await openStore(t)
  for (const letters of [[letter(10), letter(11)], [discard([0, 10])]])
    await store.sink(stream).write(log.write(log.documents(stream, letters)), never)
  const again = new PaperLog({ of: log })
  const { stored } = await store
    .replaySink('again', stream)
    .write(again.write(again.documents(stream, [letter(10), letter(11)])), never)
  assert.equal(stored, 1, 'as in any replay of a letter that is gone')
  assert.deepEqual(await numbers(store), ['2', '1'])
  assert.deepEqual(await store.count(never), { readings: 0, documents: 2 })
})

test('letters that come once more by another log’s copy go once more', async (t) => {
  const stream = 'dead-letters'
  const store = await openStore(t)
  for (const log of [new PaperLog(), new PaperLog()])
    await store.sink(stream).write(log.write(log.documents(stream, [letter(10), discard([0, 10])])), never)
  assert.deepEqual(await numbers(store), ['1'])
})

async function numbers(store: DuckdbStore): Promise<string[]> {
  const rows = await store.documents(
    {
      stream: 'dead-letters',
      key: undefined,
      from: -1e15,
      to: 1e15,
      match: undefined,
      limit: 100,
      before: undefined,
    },
    never,
  )
  return rows.map(({ seq }) => String(seq))
}
