import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { TemporaryFolder } from './temporary-folder.ts'

function somewhere(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-temporary-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, 'deep', 'tmp')
}

test('what an earlier process left is removed', (t) => {
  const folder = somewhere(t)
  fs.mkdirSync(path.join(folder, 'old'), { recursive: true })
  const temporary = new TemporaryFolder(folder)
  assert.deepEqual(fs.readdirSync(folder), [])
  assert.ok(temporary.free() > 0)
})

test('a file taken is read whole, though its name is gone at once', async (t) => {
  const folder = somewhere(t)
  const file = new TemporaryFolder(folder).file('csv')
  const content = Buffer.alloc(1_000_000, 'abc')
  fs.writeFileSync(file.path, content)
  const { bytes, stream } = file.take()
  assert.deepEqual(fs.readdirSync(folder), [])
  assert.equal(bytes, content.length)
  assert.deepEqual(await buffer(stream), content)
})

test('every file has a path of its own, and removing one that was never written is no error', (t) => {
  const temporary = new TemporaryFolder(somewhere(t))
  const [a, b] = [temporary.file('csv'), temporary.file('csv')]
  assert.notEqual(a.path, b.path)
  a.remove()
})
