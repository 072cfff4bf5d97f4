import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { readTextFile, writeStream } from './text-file.ts'
import { version } from './version.ts'

function fileIn(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-text-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, 'a.txt')
}

test('text is read as UTF-8, and what is none is said', (t) => {
  const file = fileIn(t)
  fs.writeFileSync(file, 'größe: 1\n')
  assert.equal(readTextFile(file), 'größe: 1\n')
  fs.writeFileSync(file, Buffer.from([0x61, 0xff]))
  assert.throws(() => readTextFile(file), TypeError)
  assert.throws(() => readTextFile(`${file}x`), { code: 'ENOENT' })
})

test('a stream replaces the file', async (t) => {
  const file = fileIn(t)
  fs.writeFileSync(file, 'longer than what follows')
  const stream = writeStream(file)
  stream.end('new')
  await once(stream, 'close')
  assert.equal(fs.readFileSync(file, 'utf8'), 'new')
})

test('the version is that of the package', () => {
  assert.match(version, /^\d+\.\d+\.\d+/)
})
