import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../../src/prove/free-port.ts'

test('a program that can write neither its log lines nor its addresses runs on, and stops in order', async () => {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-full-'))
  const full = fs.openSync('/dev/full', 'w')
  const [http, mqtt] = [await freePort(), await freePort()]
  const args = ['src/cli/main.ts', 'up', '--no-demo', '--data', data]
  args.push('--set', `http.port=${http}`, '--set', `mqtt.port=${mqtt}`)
  const child = spawn(process.execPath, args, { stdio: ['ignore', full, full] })
  const ended = once(child, 'exit')
  fs.closeSync(full)
  try {
    let status = 0
    while (status !== 200 && child.exitCode === null) {
      await setTimeout(50)
      status = await fetch(`http://127.0.0.1:${http}/health`).then(
        (answer) => answer.status,
        () => 0, // it does not listen yet
      )
    }
    assert.equal(child.exitCode, null)
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  } finally {
    child.kill('SIGKILL')
    fs.rmSync(data, { recursive: true, force: true })
  }
})
