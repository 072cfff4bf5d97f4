import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Loss } from './memory-file.ts'
import { MemoryStorage } from './memory-storage.ts'
import { seededRandom } from './random.ts'

const file = '/data/a'

function storageWith(seed: number, sectorBytes = 4) {
  const storage = new MemoryStorage({ random: seededRandom(seed), sectorBytes })
  storage.makeFolder('/data')
  return storage
}

/** A file with `durable` synced, folder and all, and `later` written behind it and not synced. */
function written(seed: number, durable: string, later: string) {
  const storage = storageWith(seed)
  const open = storage.open(file, 'create')
  open.write([Buffer.from(durable)], 0)
  open.sync()
  storage.syncFolder('/data')
  open.write([Buffer.from(later)], durable.length)
  return { storage, open }
}

function content(storage: MemoryStorage): string {
  const open = storage.open(file, 'read')
  const bytes = new Uint8Array(open.size())
  open.read(bytes, 0)
  open.close()
  return Buffer.from(bytes).toString()
}

/** What is left after a power loss, over many seeds. */
function outcomes(loss: Loss | undefined, make: (seed: number) => { storage: MemoryStorage }): Set<string> {
  const seen = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    const { storage } = make(seed)
    storage.losePower(loss)
    seen.add(storage.list('/data').includes('a') ? content(storage) : 'gone')
  }
  return seen
}

test('what was synced outlives a power loss whatever is lost', () => {
  for (const left of outcomes(undefined, (seed) => written(seed, 'abcdefgh', 'XXXXYYYY'))) {
    assert.equal(left.slice(0, 8), 'abcdefgh')
  }
})

test('what was not synced is lost, kept, or torn at any sector', () => {
  const seen = outcomes('random', (seed) => written(seed, 'abcd', 'XXXXYYYY'))
  for (const left of ['abcd', 'abcdXXXXYYYY', 'abcdXXXX', 'abcdXXXX\0\0\0\0', 'abcd\0\0\0\0YYYY']) {
    assert.ok(seen.has(left), JSON.stringify(left))
  }
  assert.deepEqual(
    outcomes('all', (seed) => written(seed, 'abcd', 'XXXX')),
    new Set(['abcd']),
  )
  assert.deepEqual(
    outcomes('none', (seed) => written(seed, 'abcd', 'XXXX')),
    new Set(['abcdXXXX']),
  )
})

test('overwritten bytes come back old or new until they are synced', () => {
  const make = (seed: number) => {
    const { storage, open } = written(seed, 'abcdefgh', '')
    open.write([Buffer.from('ABCDEFGH')], 0)
    return { storage }
  }
  assert.deepEqual(outcomes('random', make), new Set(['abcdefgh', 'ABCDEFGH', 'abcdEFGH', 'ABCDefgh']))
})

test('a killed process loses nothing that it had written, but its open files', () => {
  const { storage, open } = written(1, 'abcd', 'XXXX')
  storage.kill()
  assert.equal(content(storage), 'abcdXXXX')
  assert.throws(() => open.sync(), { code: 'EBADF' })
})

test('after a failed sync a later one that succeeds proves nothing, until the bytes are written again', () => {
  const make = (again: boolean) => (seed: number) => {
    const { storage, open } = written(seed, 'abcd', 'XXXX')
    storage.failNth(1, { code: 'EIO' }, 'sync')
    assert.throws(() => open.sync(), { code: 'EIO' })
    if (again) open.write([Buffer.from('XXXX')], 4)
    open.sync()
    return { storage }
  }
  assert.deepEqual(outcomes('random', make(false)), new Set(['abcdXXXX', 'abcd\0\0\0\0']))
  assert.deepEqual(outcomes('random', make(true)), new Set(['abcdXXXX']))
})

test('a new name may vanish until its folder is synced, though the file itself was', () => {
  const make = (isFolderSynced: boolean) => (seed: number) => {
    const storage = storageWith(seed)
    const open = storage.open(file, 'create')
    open.write([Buffer.from('abcd')], 0)
    open.sync()
    if (isFolderSynced) storage.syncFolder('/data')
    return { storage }
  }
  assert.deepEqual(outcomes('random', make(false)), new Set(['gone', 'abcd']))
  assert.deepEqual(outcomes(undefined, make(true)), new Set(['abcd']))
})

test('a removed name may come back until its folder is synced', () => {
  const make = (isFolderSynced: boolean) => (seed: number) => {
    const { storage } = written(seed, 'abcd', '')
    storage.remove(file)
    if (isFolderSynced) storage.syncFolder('/data')
    return { storage }
  }
  assert.deepEqual(outcomes('random', make(false)), new Set(['gone', 'abcd']))
  assert.deepEqual(outcomes(undefined, make(true)), new Set(['gone']))
})

test('after a rename and a power loss the file has the old name or the new, never none', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 50; seed++) {
    const { storage } = written(seed, 'abcd', '')
    storage.rename(file, '/data/b')
    storage.losePower('random')
    seen.add(storage.list('/data').join())
  }
  assert.deepEqual(seen, new Set(['a', 'b']))
})

test('the nth call fails once, and a write may go through in part', () => {
  const { storage, open } = written(1, '', '')
  storage.failNth(2, { code: 'EIO', done: 0.5 }, 'write')
  open.write([Buffer.from('abcd')], 0)
  assert.throws(() => open.write([Buffer.from('efgh')], 4), { code: 'EIO' })
  open.write([Buffer.from('Z')], 6)
  assert.equal(content(storage), 'abcdefZ')
})

test('a call that fails by default has no effect, and with done it has', () => {
  const storage = storageWith(1)
  storage.failNth(1, { code: 'EMFILE' })
  assert.throws(() => storage.open(file, 'create'), { code: 'EMFILE' })
  assert.deepEqual(storage.list('/data'), [])
  storage.failNth(1, { code: 'EIO', done: 1 })
  assert.throws(() => storage.open(file, 'create'), { code: 'EIO' })
  assert.deepEqual(storage.list('/data'), ['a'])
})

test('a stopped machine does nothing more until it is started again', () => {
  const { storage, open } = written(5, 'abcd', '')
  storage.stopNth(2)
  open.write([Buffer.from('X')], 4)
  assert.throws(() => open.sync(), { code: 'EIO' })
  assert.ok(storage.isStopped)
  assert.throws(() => open.size(), { code: 'EIO' })
  assert.throws(() => storage.list('/data'), { code: 'EIO' })
  storage.kill()
  assert.equal(content(storage), 'abcdX')
})

test('a full disk takes what fits and gives space back when files shrink or go', () => {
  const { storage, open } = written(1, 'abcd', '')
  storage.space = 2
  assert.throws(() => open.write([Buffer.from('efgh')], 4), { code: 'ENOSPC' })
  assert.equal(content(storage), 'abcdef')
  assert.equal(storage.free('/data'), 0)
  open.write([Buffer.from('ABCDEF')], 0)
  open.truncate(3)
  assert.equal(storage.free('/data'), 3)
  storage.remove(file)
  assert.equal(storage.free('/data'), 6)
})

test('rotten bits are what a reader gets, now and after a power loss', () => {
  const { storage } = written(1, 'abcd', '')
  storage.rot(file, 1, 1)
  assert.equal(content(storage), 'accd')
  storage.losePower()
  assert.equal(content(storage), 'accd')
})

test('the same seed gives the same run again', () => {
  const run = (seed: number) => {
    const { storage } = written(seed, 'abcd', 'XXXXYYYYZZZZ')
    storage.losePower()
    return content(storage)
  }
  for (let seed = 0; seed < 20; seed++) assert.equal(run(seed), run(seed))
})

test('files left open are counted', () => {
  const { storage, open } = written(1, 'abcd', '')
  assert.equal(storage.openFiles, 1)
  open.close()
  assert.equal(storage.openFiles, 0)
})
