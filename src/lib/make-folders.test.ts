import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { makeFolders } from './make-folders.ts'

test('folders are made with those above them, and the first that was made is told', (t) => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-folders-'))
  t.after(() => fs.rmSync(home, { recursive: true }))
  assert.equal(makeFolders(path.join(home, 'a/b/c')), path.join(home, 'a'))
  assert.equal(makeFolders(path.join(home, 'a/b/c')), undefined)
  fs.writeFileSync(path.join(home, 'file'), '')
  assert.throws(() => makeFolders(path.join(home, 'file')), { code: 'EEXIST' })
  assert.throws(() => makeFolders(path.join(home, 'file/below')), { code: 'ENOTDIR' })
})

test('where the system makes no folders that is an error, and no endless loop', {
  skip: process.platform !== 'linux',
}, () => {
  assert.throws(() => makeFolders('/proc/no-such-process/below'), { code: 'ENOENT' })
})
