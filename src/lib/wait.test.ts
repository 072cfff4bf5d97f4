import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { wait } from './wait.ts'

test('waiting ends with its time', async () => {
  const { signal } = new AbortController()
  const before = performance.now()
  await wait(20, signal)
  assert.ok(performance.now() - before >= 19)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('waiting ends at once when it is aborted, before or meanwhile', async () => {
  await wait(1e9, AbortSignal.abort())
  const abort = new AbortController()
  const waited = wait(1e9, abort.signal)
  abort.abort()
  await waited
})
