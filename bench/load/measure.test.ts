import assert from 'node:assert/strict'
import fs from 'node:fs'
import test from 'node:test'
import { runReference } from '../reference/run.ts'
import { makeBenchFolder, removeBenchFolder } from './bench-folder.ts'

test('the reference takes every message into its log', async () => {
  const result = await runReference('mqtt-to-log', { messages: 20_000 })
  assert.equal(result.acked, 20_000)
  assert.equal(result.stored, 20_000)
  assert.ok(result.fsyncs > 0 && result.rssMb > 10 && result.cpuSeconds > 0)
})

test('the reference stores every message, and the rate counts until they can be counted', async () => {
  const result = await runReference('mqtt-to-store', { messages: 20_000 })
  assert.equal(result.stored, 20_000)
  assert.equal(result.series, 800)
  assert.equal(result.ratePerSecond, Math.round(20_000 / result.seconds))
})

test('a bench refuses to measure on memory that pretends to be a disk', {
  skip: !fs.existsSync('/dev/shm'),
}, () => {
  assert.throws(() => makeBenchFolder('refused', '/dev/shm'), /is on tmpfs/)
})

test('a bench folder is new and empty, and goes away', () => {
  const folder = makeBenchFolder('test')
  assert.deepEqual(fs.readdirSync(folder), [])
  removeBenchFolder(folder)
  assert.ok(!fs.existsSync(folder))
})
