import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { openAppendFile, readJson, removeFile, renameFile, writeJson } from './append-file.ts'

function fileIn(t: TestContext, name: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-append-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, name)
}

test('what is appended stands behind what was there, and its bytes are counted', async (t) => {
  const file = fileIn(t, 'a')
  const first = await openAppendFile(file)
  assert.equal(first.bytes, 0)
  await first.append('äb\n')
  await first.append('')
  assert.equal(first.bytes, 4)
  await first.close()
  const second = await openAppendFile(file)
  assert.equal(second.bytes, 4)
  await second.append('c')
  await second.close()
  assert.equal(fs.readFileSync(file, 'utf8'), 'äb\nc')
})

test('a truncated file goes on where it was cut', async (t) => {
  const file = fileIn(t, 'a')
  const open = await openAppendFile(file)
  await open.append('abcdef')
  await open.truncate(2)
  assert.equal(open.bytes, 2)
  await open.append('X')
  await open.close()
  assert.equal(fs.readFileSync(file, 'utf8'), 'abX')
})

test('JSON is replaced as a whole, also over what a crash has left', async (t) => {
  const file = fileIn(t, 'state.json')
  assert.equal(await readJson(file), undefined)
  fs.writeFileSync(`${file}.new`, 'half of something lon')
  await writeJson(file, { a: 1 })
  await writeJson(file, { a: 2 })
  assert.deepEqual(await readJson(file), { a: 2 })
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['state.json'])
  fs.writeFileSync(file, '{')
  await assert.rejects(readJson(file), SyntaxError)
})

test('renaming and removing what is not there does nothing', async (t) => {
  const file = fileIn(t, 'a')
  await renameFile(file, `${file}2`)
  await removeFile(file)
  fs.writeFileSync(file, 'x')
  await renameFile(file, `${file}2`)
  assert.equal(fs.readFileSync(`${file}2`, 'utf8'), 'x')
  await removeFile(`${file}2`)
  assert.deepEqual(fs.readdirSync(path.dirname(file)), [])
})

test('a rename is on disk before a new file takes the old name', async (t) => {
  const file = fileIn(t, 'a')
  const calls: string[] = []
  const { open } = fs.promises
  t.after(() => {
    fs.promises.open = open
    syncBuiltinESMExports()
  })
  fs.promises.open = async (name, ...mode) => {
    const isThere = fs.existsSync(name)
    const handle = await open(name, ...mode)
    if (!isThere) calls.push(`make ${path.basename(String(name))}`)
    const { sync } = handle
    handle.sync = () => {
      calls.push('sync')
      return sync.call(handle)
    }
    return handle
  }
  syncBuiltinESMExports()
  // By a program that was killed before it could sync the folder.
  fs.writeFileSync(file, 'x')
  fs.renameSync(file, `${file}.1`)
  const fresh = await openAppendFile(file)
  await fresh.close()
  assert.deepEqual(calls, ['sync', 'make a', 'sync'])
})
