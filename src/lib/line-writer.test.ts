import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { LineWriter } from './line-writer.ts'

const { O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants

test('lines wait while nothing can be written; those beyond the bound are counted and told in their place, once', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-lines-'))
  const fifo = path.join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const fd = fs.openSync(fifo, O_RDWR | O_NONBLOCK)
  const reader = fs.openSync(fifo, O_RDONLY | O_NONBLOCK)
  let read = ''
  /** Everything that stands in the pipe. */
  const take = () => {
    const buffer = Buffer.alloc(65_536)
    try {
      for (;;) read += buffer.toString('latin1', 0, fs.readSync(reader, buffer))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN') // as: of the file system
    }
  }
  try {
    const lines = new LineWriter(fd, { maxWaitingBytes: 20_000, retryMs: 5, lost: (n) => `lost ${n}\n` })
    const line = (i: number) => `${i} ${'x'.repeat(900)}`
    const written = 200
    for (let i = 0; i < written; i++) lines.write(`${line(i)}\n`)
    while (!read.includes('lost')) {
      take()
      await setTimeout(5)
    }
    lines.write('after\n')
    while (!read.endsWith('after\n')) {
      take()
      await setTimeout(5)
    }
    const all = read.trimEnd().split('\n')
    const kept = all.length - 2
    assert.ok(kept > 64 && kept < written, `${kept} of ${written}`)
    assert.deepEqual(
      all.slice(0, kept),
      Array.from({ length: kept }, (_, i) => line(i)),
    )
    assert.deepEqual(all.slice(kept), [`lost ${written - kept}`, 'after'])
  } finally {
    fs.closeSync(fd)
    fs.closeSync(reader)
    fs.rmSync(folder, { recursive: true })
  }
})
