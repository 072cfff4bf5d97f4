import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import test from 'node:test'
import { SluiceProcess } from '../support/sluice-process.ts'

/** Loaded into every thread of the program: ends those that are not the main one with an error. */
const bomb = `data:text/javascript,import { isMainThread } from 'node:worker_threads'
if (!isMainThread) setTimeout(() => { throw new Error('the thread is gone') }, 2_000)`

test('when the log thread dies the program ends and says so, instead of listening on', async () => {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-dead-part-'))
  const sluice = await SluiceProcess.start({ data, nodeFlags: ['--import', encodeURI(bomb)] })
  try {
    const exit = await Promise.race([sluice.closed, setTimeout(15_000, undefined, { ref: false })])
    assert.ok(exit, `it runs on:\n${sluice.output}`)
    assert.equal(exit.code, 1)
    assert.match(sluice.output, /the thread is gone/)
  } finally {
    sluice.killTree()
    fs.rmSync(data, { recursive: true, force: true })
  }
})

/** Loaded into every thread of the program: keeps the main one alive for ever. */
const keeper = `data:text/javascript,import { isMainThread } from 'node:worker_threads'
if (isMainThread) setInterval(() => {}, 1_000)`

test('whatever is still alive after an orderly stop, SIGTERM ends the program within 10 seconds', async () => {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-kept-alive-'))
  const sluice = await SluiceProcess.start({ data, nodeFlags: ['--import', encodeURI(keeper)] })
  try {
    const { code, tookMs } = await sluice.stop(30_000)
    assert.equal(code, 1, sluice.output)
    assert.match(sluice.output, /"msg":"stopped"/)
    assert.ok(tookMs < 10_000, `${tookMs} ms`)
  } finally {
    sluice.killTree()
    fs.rmSync(data, { recursive: true, force: true })
  }
})
