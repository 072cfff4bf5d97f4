import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { OwnServer } from './own-server.ts'

/** A program in place of the server's: it does what it is told in the file beside its data. */
function serverOf(t: TestContext, code: string): OwnServer {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-own-server-'))
  const program = path.join(folder, 'program.mjs')
  fs.writeFileSync(program, `${code}; console.log('ready')`)
  const terms = { settings: {}, environment: {}, nodeFlags: [], readyMs: 20_000 }
  const server = new OwnServer({ program, folder, mqttPort: 1, httpPort: 2, ...terms })
  t.after(async () => {
    await server.kill()
    fs.rmSync(folder, { recursive: true })
  })
  return server
}

test('how the server has ended is told by its exit code, or by the signal that killed it', async (t) => {
  const server = serverOf(t, `process.on('SIGTERM', () => process.exit(70)); setInterval(() => {}, 1000)`)
  await server.start()
  await server.terminate()
  assert.equal(server.ending, 'exit code 70')
  await server.start()
  await server.kill()
  assert.equal(server.ending, 'it was killed with SIGKILL')
})

test('restarts of stores are counted over all lives of the server', async (t) => {
  const line = 'store main: its process ended (SIGKILL); starting again in 12 ms'
  const server = serverOf(t, `console.error('${line}\\n${line}'); setTimeout(() => process.exit(0), 100)`)
  for (const count of [2, 4]) {
    await server.start()
    await server.kill([]) // it ends by itself, and all it said has come
    assert.equal(server.storeRestarts, count)
  }
})
