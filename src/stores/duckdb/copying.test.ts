import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { encodeDiscard } from '../../core/discard.ts'
import { numberAt } from '../../core/batch.ts'
import { packBatch, unpackBatch } from '../../core/copied-batch.ts'
import {
  never,
  noTerms,
  openStore,
  PaperLog,
  rowsOf,
  temporaryFolder,
} from '../../../test/support/duckdb-store.ts'
import type { DuckdbStore } from './store.ts'

const row = (device: string, time: number, value: number | string, byNumber = false) => ({
  device,
  metric: 'm',
  time,
  value,
  byNumber,
})

/** Copies everything, as between two processes. */
async function copy(from: DuckdbStore, to: DuckdbStore): Promise<number> {
  const parts = await from.parts(never)
  await to.adopt([...new Set(parts.map(({ log }) => log))], 'copy')
  let stored = 0
  for (const part of parts) {
    const { log, partition, stream } = part
    const sink = to.replaySink('copy', part.kind === 'edits' ? 'edits' : stream)
    let next = (await sink.state(log, partition))?.position.next ?? 0n
    for await (const found of from.scan(part, next, never)) {
      const batch = unpackBatch(structuredClone(packBatch(found)))
      const end = numberAt(batch, batch.length - 1) + 1n
      const handed = batch.kind === 'edit' ? 0 : batch.length
      const place = { log, partition }
      const write = {
        batch,
        from: { ...place, next },
        to: { ...place, next: end },
        terms: { ...noTerms, handed },
      }
      stored += (await sink.write(write, never)).stored
      next = end
    }
    assert.equal(next, part.until)
  }
  return stored
}

const letters = {
  stream: 'dead-letters',
  key: undefined,
  from: -1e15,
  to: 1e15,
  match: undefined,
  limit: 100,
  before: undefined,
}

async function contents(store: DuckdbStore): Promise<object> {
  const { rows } = await store.devices({ prefix: '', match: '', after: undefined, limit: 100 }, never)
  const readings = []
  for (const { device } of rows) readings.push([device, await rowsOf(store, device)])
  return {
    readings,
    letters: await store.documents(letters, never),
    latest: await store.latest(undefined, 100, never),
    series: await store.series(undefined, undefined, 100, never),
  }
}

/** A store with rows, late rows, corrections, edits and documents of two logs. */
async function filled(store: DuckdbStore): Promise<readonly [PaperLog, PaperLog]> {
  const old = new PaperLog({ next: 7_000_000_000n })
  await old.put(store, [
    row('a', 1, 1),
    row('a', 2, 'text'),
    row('a', 3, 'words'),
    row('b', 1, 1, true),
    row('b', 1, 2, true),
  ])
  await store.write(
    old.write(old.edit({ device: 'a', metric: undefined, from: 2, to: 3, patch: { value: 20, quality: 0 } })),
    never,
  )
  const letter = (time: number) => ({ key: 'd', time, body: JSON.stringify({ code: 'undecodable', time }) })
  const first = old.next
  const documents = store.sink('dead-letters')
  await documents.write(old.write(old.documents('dead-letters', [letter(10), letter(11), letter(12)])), never)
  const gone = { letters: [{ number: first, time: 10 }], principal: 'local' }
  const discard = { key: '', time: 13, body: encodeDiscard(gone) }
  await documents.write(old.write(old.documents('dead-letters', [discard])), never)
  const later = new PaperLog()
  await later.put(store, [row('a', 1, 100), row('c', 5, 5), row('c', 6, 6), row('b', 1, 3, true)])
  await store.write(
    later.write(later.edit({ device: 'c', metric: 'm', from: 5, to: 6, patch: undefined })),
    never,
  )
  await later.put(store, [row('c', 4, 4), row('a', -5, -5)])
  return [old, later]
}

test('a copy answers as the store that it was made of, whose numbers, edits and order of logs it keeps', async (t) => {
  const store = await openStore(t)
  const [old, later] = await filled(store)
  const expected = await contents(store)
  const file = path.join(temporaryFolder(t), 'copy.duckdb')
  let fresh = await openStore(t, file)
  assert.ok((await copy(store, fresh)) > 0)
  assert.deepEqual(await contents(fresh), expected)
  assert.equal(await copy(store, fresh), 0, 'once more there is nothing new')
  await fresh.close()
  fresh = await openStore(t, file)
  assert.deepEqual(await contents(fresh), expected, 'after a restart')

  // Rows that the store had deleted or replaced do not come back by the logs.
  const again = new PaperLog({ of: old, next: 7_000_000_000n })
  await fresh.write(again.write(again.readings([row('a', 1, 1), row('a', 2, 'text')])), never)
  const deleted = new PaperLog({ of: later, next: 1n })
  await fresh.write(deleted.write(deleted.readings([row('c', 5, 5)])), never)
  assert.deepEqual(await contents(fresh), expected)
})

test('rows of an older log that a copy brings lose against those that the store has of a later one', async (t) => {
  const store = await openStore(t)
  const [, later] = await filled(store)
  const expected = await contents(store)
  const fresh = await openStore(t)
  // The new store has met the later log first.
  const live = new PaperLog({ of: later, next: 0n })
  await live.put(fresh, [row('a', 1, 100), row('c', 5, 5), row('c', 6, 6), row('b', 1, 3, true)])
  await copy(store, fresh)
  await fresh.write(
    live.write(live.edit({ device: 'c', metric: 'm', from: 5, to: 6, patch: undefined })),
    never,
  )
  await live.put(fresh, [row('c', 4, 4), row('a', -5, -5)])
  assert.deepEqual(await contents(fresh), expected)
})

test('a store that has met logs in another order is no place for a copy', async (t) => {
  const store = await openStore(t)
  const [old, later] = await filled(store)
  const other = await openStore(t)
  for (const log of [later, old]) await new PaperLog({ of: log, next: 99n }).put(other, [row('x', 1, 1)])
  const refused = { kind: 'stop', message: /different orders.*copy into a new store/ }
  await assert.rejects(copy(store, other), refused)
  const between = await openStore(t)
  for (const log of [old, later]) await new PaperLog({ of: log, next: 99n }).put(between, [row('x', 1, 1)])
  const unknown = new PaperLog()
  await assert.rejects(between.adopt([old.id, unknown.id, later.id], 'copy'), { message: /there is no room/ })
})
