import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folder, WrittenLog } from '../../../test/support/written-log.ts'
import { findWritten, firstWritten } from './find-time.ts'

const second = 1e6
const everything = Number.MAX_SAFE_INTEGER

test('the first commit written at a time or later is found, whatever segment it stands in', async () => {
  const log = new WrittenLog({ segmentBytes: 600, retentionSeconds: 10 })
  const written: { number: number; micros: number }[] = []
  for (let i = 0; i < 20; i++) {
    written.push({ number: log.values, micros: log.clock.now() })
    log.count(10)
    log.clock.pass(1)
  }
  assert.ok(log.writer.segments > 3)
  const find = (micros: number) => findWritten(log.storage, folder, log.writer.watermark, micros)
  for (const { number, micros } of written) {
    assert.equal((await find(micros))?.number, number, 'at its time')
    assert.equal((await find(micros - second / 2))?.number, number, 'before it')
  }
  assert.equal(await find((written.at(-1)?.micros ?? 0) + 1), undefined, 'nothing was written later')
  assert.deepEqual(await firstWritten(log.storage, folder, log.writer.watermark), written[0])

  log.writer.check(everything)
  const first = await firstWritten(log.storage, folder, log.writer.watermark)
  assert.equal(first?.number, log.writer.first)
  assert.ok(log.writer.first > 0)
  assert.deepEqual(await find(0), first, 'what was written before that is gone')
})

test('where the clock was set back, the first commit at or after the time is the one nearest to the log’s beginning', async () => {
  const log = new WrittenLog({ segmentBytes: 600 })
  const start = log.clock.now()
  log.count(10)
  log.clock.jump(3600)
  log.count(10)
  log.clock.jump(-3600)
  for (let i = 0; i < 10; i++) log.count(10)
  const found = await findWritten(log.storage, folder, log.writer.watermark, start + 60 * second)
  assert.equal(found?.number, 10)
})

test('an empty log has no first commit', async () => {
  const log = new WrittenLog()
  assert.equal(await firstWritten(log.storage, folder, log.writer.watermark), undefined)
})
