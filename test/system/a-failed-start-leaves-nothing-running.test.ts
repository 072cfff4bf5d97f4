import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

for (const door of ['http', 'mqtt']) {
  test(`a start that finds the ${door} port taken says so and ends, with nothing left behind`, async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'sluice-start-'))
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const ports = { http: 0, mqtt: 0, [door]: port }
    const args = ['src/cli/main.ts', 'up', '--no-demo', '--data', data]
    for (const [name, number] of Object.entries(ports)) args.push('--set', `${name}.port=${number}`)
    const { status, signal, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.equal(signal, null, 'it had to be killed')
    assert.equal(status, 2)
    assert.match(
      stderr,
      new RegExp(
        `^sluice: ${door} cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*--set ${door}\\.port=N.*\\n$`,
        'm',
      ),
    )
    assert.doesNotMatch(stderr, /\n\s+at /, 'a stack')
    taken.close()
    rmSync(data, { recursive: true })
  })
}

test('a start whose data folder is a file says so in one line and ends', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-start-'))
  const file = path.join(folder, 'data')
  writeFileSync(file, '')
  const args = ['src/cli/main.ts', 'up', '--no-demo', '--data', file]
  args.push('--set', 'http.port=0', '--set', 'mqtt.port=0')
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
  rmSync(folder, { recursive: true })
  assert.equal(status, 2)
  const why = 'it is a file, or lies below one; choose another with --data FOLDER'
  assert.equal(stderr, `sluice: the data folder ${file} cannot be used: ${why} (config-invalid)\n`)
})
