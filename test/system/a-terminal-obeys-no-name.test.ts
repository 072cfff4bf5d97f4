import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startCommand, runCommand } from '../support/run-command.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained } from '../support/sluice-status.ts'

const hostile = '\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e'
const obeyed = /(?!\n)[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

test('query and tail show what a terminal would obey, and JSON holds the names as they are', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-terminal-'))
  const sluice = await SluiceProcess.start({ data: path.join(folder, 'data') })
  t.after(async () => {
    await sluice.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${sluice.httpPort}`
  const device = `d${hostile}`
  const send = async () => {
    const response = await fetch(`${url}/api/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ device, [`m${hostile}`]: `text${hostile}` }),
    })
    assert.equal(response.status, 202)
  }
  await send()
  await drained(sluice, { rows: 1, timeoutMs: 20_000 })

  for (const args of [
    ['query'],
    ['query', '--json'],
    ['query', device, '--from', '-1h'],
    ['query', device, '--from', '-1h', '--json'],
    ['query', device, '--metric', 'other'],
    ['query', device, '--from', '-3h', '--to', '-2h'],
  ]) {
    const { out, err } = await runCommand(...args, '--url', url)
    assert.doesNotMatch(out + err, obeyed, args.join(' '))
    assert.match(out + err, /\\u001b/, args.join(' '))
    if (args.includes('--json'))
      assert.ok(JSON.stringify(JSON.parse(out)).includes(JSON.stringify(hostile).slice(1, -1)))
    // One row a line, whatever its names.
    else if (out !== '') assert.equal(out.split('\n').length, 3, out)
  }

  for (const json of [[], ['--json']]) {
    const tail = startCommand('tail', ...json, '--url', url)
    for (; tail.out === ''; await setTimeout(20)) await send()
    tail.interrupt()
    const { out, code } = await tail.ended
    assert.equal(code, 0)
    assert.doesNotMatch(out, obeyed)
    const line = out.split('\n')[0] ?? ''
    if (json.length === 0) assert.match(line, /Z {2}d\\u001b\]0;owned.* {2}m\\u001b.* {2}text\\u001b/)
    else assert.equal((JSON.parse(line) as { device: string }).device, device)
  }
})
