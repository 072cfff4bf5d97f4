import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { MemoryStorage } from '../../test/support/memory-storage.ts'
import { seededRandom } from '../../test/support/random.ts'
import { diskStorage, type Storage } from './storage.ts'

/** One exam for the disk and for the storage in memory that stands in for it. */
const subjects: readonly { name: string; make: (t: TestContext) => { storage: Storage; folder: string } }[] =
  [
    {
      name: 'disk',
      make(t) {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-storage-'))
        t.after(() => fs.rmSync(folder, { recursive: true }))
        return { storage: diskStorage, folder }
      },
    },
    {
      name: 'memory',
      make() {
        const storage = new MemoryStorage({ random: seededRandom(1) })
        storage.makeFolder('/data')
        return { storage, folder: '/data' }
      },
    },
  ]

const bytes = (...values: number[]) => Uint8Array.from(values)

for (const { name, make } of subjects) {
  test(`${name}: parts are written one after the other and read back`, (t) => {
    const { storage, folder } = make(t)
    const file = storage.open(path.join(folder, 'a'), 'create')
    file.write([bytes(1, 2), bytes(), bytes(3)], 0)
    file.write([bytes(9)], 5)
    file.sync()
    assert.equal(file.size(), 6)
    const into = new Uint8Array(10)
    assert.equal(file.read(into, 1), 5)
    assert.deepEqual([...into], [2, 3, 0, 0, 9, 0, 0, 0, 0, 0])
    assert.equal(file.read(into, 6), 0)
    assert.equal(file.read(into, 60), 0)
    file.close()
  })

  test(`${name}: more parts than one system call takes are written whole`, (t) => {
    const { storage, folder } = make(t)
    const file = storage.open(path.join(folder, 'a'), 'create')
    const parts = Array.from({ length: 5000 }, (_, i) => bytes(i & 255, i >> 8))
    file.write(parts, 3)
    assert.equal(file.size(), 10_003)
    const into = new Uint8Array(10_000)
    file.read(into, 3)
    assert.deepEqual(Buffer.from(into), Buffer.concat(parts))
    file.close()
  })

  test(`${name}: truncating cuts off, and what is written beyond leaves zeros`, (t) => {
    const { storage, folder } = make(t)
    const file = storage.open(path.join(folder, 'a'), 'create')
    file.write([bytes(1, 2, 3, 4)], 0)
    file.truncate(2)
    file.write([bytes(7)], 4)
    const into = new Uint8Array(5)
    file.read(into, 0)
    assert.deepEqual([...into], [1, 2, 0, 0, 7])
    file.close()
  })

  test(`${name}: names are listed in order, renamed over others and removed`, (t) => {
    const { storage, folder } = make(t)
    for (const name of ['b', 'a', 'c']) storage.open(path.join(folder, name), 'create').close()
    assert.deepEqual(storage.list(folder), ['a', 'b', 'c'])
    storage.rename(path.join(folder, 'a'), path.join(folder, 'c'))
    storage.remove(path.join(folder, 'b'))
    storage.syncFolder(folder)
    assert.deepEqual(storage.list(folder), ['c'])
    assert.deepEqual(storage.list(path.join(folder, 'nowhere')), [])
    assert.deepEqual(storage.list(path.join(folder, 'c', 'below-a-file')), [])
  })

  test(`${name}: a file that is open goes on when its name is removed`, (t) => {
    const { storage, folder } = make(t)
    const file = storage.open(path.join(folder, 'a'), 'create')
    file.write([bytes(1)], 0)
    storage.remove(path.join(folder, 'a'))
    assert.equal(file.read(new Uint8Array(1), 0), 1)
    file.close()
  })

  test(`${name}: creating what exists and opening what does not fail with the system's codes`, (t) => {
    const { storage, folder } = make(t)
    storage.open(path.join(folder, 'a'), 'create').close()
    assert.throws(() => storage.open(path.join(folder, 'a'), 'create'), { code: 'EEXIST' })
    for (const mode of ['read', 'write'] as const) {
      assert.throws(() => storage.open(path.join(folder, 'b'), mode), { code: 'ENOENT' })
    }
    assert.throws(() => storage.remove(path.join(folder, 'b')), { code: 'ENOENT' })
    assert.throws(() => storage.rename(path.join(folder, 'b'), path.join(folder, 'c')), { code: 'ENOENT' })
  })

  test(`${name}: a closed file cannot be used`, (t) => {
    const { storage, folder } = make(t)
    const file = storage.open(path.join(folder, 'a'), 'create')
    file.close()
    assert.throws(() => file.sync(), { code: 'EBADF' })
  })

  test(`${name}: folders are made with those above them, and a second time without complaint`, (t) => {
    const { storage, folder } = make(t)
    const deep = path.join(folder, 'x', 'y')
    storage.makeFolder(deep)
    storage.makeFolder(deep)
    storage.open(path.join(deep, 'a'), 'create').close()
    assert.deepEqual(storage.list(deep), ['a'])
    assert.ok(storage.free(deep) > 0)
  })
}
