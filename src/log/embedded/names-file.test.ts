import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameOf } from '../../../test/support/log-changes.ts'
import { MemoryStorage } from '../../../test/support/memory-storage.ts'
import { seededRandom } from '../../../test/support/random.ts'
import { range } from '../../../test/support/written-log.ts'
import { appendNames, covers, loadNames, rewriteNames } from './names-file.ts'

const folder = '/data/log'
const file = `${folder}/series.names`
const salt = 0xdeadbeef

function storageWith(blocks: readonly (readonly number[])[], seed = 1) {
  const storage = new MemoryStorage({ random: seededRandom(seed), sectorBytes: 16 })
  storage.makeFolder(folder)
  const ends = [0]
  for (const ids of blocks) {
    const names = ids.map((id) => nameOf(id))
    ends.push(appendNames(storage, folder, names, salt, ends.at(-1) ?? 0))
  }
  return { storage, ends }
}

const idsIn = (storage: MemoryStorage) => loadNames(storage, folder).names.map(({ id }) => id)

test('without a file there are no names, and a log without names is covered', () => {
  const { storage } = storageWith([])
  const known = loadNames(storage, folder)
  assert.deepEqual(known, { names: [], end: 0, isDamaged: false, salt: undefined })
  assert.ok(covers(known, 0))
  assert.ok(!covers(known, 1))
})

test('names come back as they were, whatever is in them', () => {
  const { storage } = storageWith([])
  const property = fc.property(
    fc.array(
      fc.record(
        {
          id: fc.nat(),
          device: fc.string(),
          metric: fc.string({ unit: 'binary' }),
          unit: fc.string(),
        },
        { noNullPrototype: true },
      ),
    ),
    (names) => {
      const before = loadNames(storage, folder)
      appendNames(storage, folder, names, salt, before.end)
      assert.deepEqual(loadNames(storage, folder).names, [...before.names, ...names])
    },
  )
  fc.assert(property, { numRuns: 50 })
})

test('appended names are durable at once, the file itself too', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { storage } = storageWith([[0, 1], [2]], seed)
    storage.losePower()
    assert.deepEqual(idsIn(storage), [0, 1, 2])
  }
})

test('a torn append is overwritten by the next, and costs nothing that stood before', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { storage, ends } = storageWith([[0]], seed)
    storage.stopNth(1 + (seed % 3))
    assert.throws(() =>
      appendNames(
        storage,
        folder,
        range(1, 40).map((id) => nameOf(id)),
        salt,
        ends[1] ?? 0,
      ),
    )
    storage.losePower()
    const known = loadNames(storage, folder)
    const ids = known.names.map(({ id }) => id)
    assert.ok(ids.length === 1 || ids.length === 40)
    assert.equal(known.isDamaged, false)
    appendNames(storage, folder, [nameOf(99)], salt, known.end)
    assert.deepEqual(idsIn(storage), [...ids, 99])
  }
})

test('a damaged block costs its own names, and the file no longer covers anything', () => {
  for (const at of [0, 5, 9, 20, 30]) {
    const { storage, ends } = storageWith([[0], [1], [2]])
    storage.rot(file, (ends[1] ?? 0) + at)
    const known = loadNames(storage, folder)
    assert.deepEqual(
      known.names.map(({ id }) => id),
      [0, 2],
    )
    assert.equal(known.end, ends[3])
    assert.ok(known.isDamaged)
    assert.ok(!covers(known, 0))
    assert.equal(known.salt, salt)
  }
})

test('names that hold the mark of a block are not taken for one', () => {
  const { storage, ends } = storageWith([[0]])
  const tricky = { id: 1, device: 'SLN1SLN1', metric: 'SLN1\u0001\u0001\u0001', unit: 'SLN1' }
  appendNames(storage, folder, [tricky], salt, ends[1] ?? 0)
  storage.rot(file, (ends[1] ?? 0) + 8)
  const known = loadNames(storage, folder)
  assert.deepEqual(known.names, [nameOf(0)])
  assert.ok(!known.isDamaged, 'it is like a torn append')
})

test('a rewritten file has all names, covers what the old one did, and is there after any power loss', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { storage, ends } = storageWith([[0], [1], [2]], seed)
    const end = ends[3] ?? 0
    storage.rot(file, (ends[1] ?? 0) + 20)
    storage.losePower('none')
    const all = range(0, 3).map((id) => nameOf(id))
    if (seed % 2 === 0) storage.stopNth(1 + (seed % 5))
    try {
      rewriteNames(storage, folder, all, salt, end)
    } catch {
      assert.ok(storage.isStopped)
    }
    storage.losePower()
    const known = loadNames(storage, folder)
    if (known.isDamaged)
      assert.deepEqual(
        known.names.map(({ id }) => id),
        [0, 2],
      )
    else {
      assert.deepEqual(known.names, all)
      assert.ok(covers(known, end))
    }
    rewriteNames(storage, folder, all, salt, end)
    assert.deepEqual(idsIn(storage), [0, 1, 2])
  }
})
