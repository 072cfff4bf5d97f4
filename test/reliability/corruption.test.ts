import test from 'node:test'
import * as corruption from './corruption.ts'
import { holds } from './runner/in-test.ts'

test('whatever becomes of files, the log starts, gives nothing but what was written, and counts what it cannot give', async (t) => {
  await holds(t, corruption, { n: 150, logs: 2, state: 40, notes: 40, store: 0 })
})
