import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { DiskShim } from './disk-shim/disk-shim.ts'
import { withoutEffect } from './fault-rounds.ts'

test('a fault that fell on nothing is told as not done', () => {
  const counts = { diskfull: { fullDisks: 1, callsFailed: 0 }, readonly: { readOnly: 1, callsFailed: 3 } }
  const told = withoutEffect({ counts, openCommits: 0, violations: [] })
  assert.deepEqual(told, ['diskfull: was not done (callsFailed 0)'])
})

for (const name of ['a b', 'a:b', 'a$b'])
  test(`a shim is refused in a folder called ${name}, from which it would not be loaded`, async (t) => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-shim-'))
    t.after(() => fs.rmSync(home, { recursive: true }))
    await assert.rejects(DiskShim.create(home, path.join(home, name)), /need a folder without space, colon/)
  })
