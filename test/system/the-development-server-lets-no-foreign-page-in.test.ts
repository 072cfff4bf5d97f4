import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

const root = path.resolve(import.meta.dirname, '../..')

test('the development server brings its own pages to Sluice, and foreign ones no further than Sluice itself', async (t) => {
  const data = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-dev-'))
  const sluice = await SluiceProcess.start({ data })
  t.after(async () => {
    await sluice.stop()
    await fs.rm(data, { recursive: true, force: true })
  })
  const port = await startVite(t, `http://127.0.0.1:${sluice.httpPort}`)
  const own = `http://127.0.0.1:${port}`

  for (const [headers, isOpen] of [
    [{ origin: own }, true],
    [{ origin: `http://localhost:${port}`, host: `localhost:${port}` }, true],
    [{ origin: 'http://evil.example' }, false],
    [{ origin: 'http://localhost:3000' }, false],
    [{ origin: 'http://evil.example', host: 'evil.example' }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
  ] as const)
    assert.equal(await opens(`ws://127.0.0.1:${port}/ws`, headers), isOpen, JSON.stringify(headers))

  for (const [origin, status] of [
    [own, 200],
    ['http://evil.example', 403],
  ] as const) {
    const path = '/api/v1/readings?device=nobody&from=0&to=now'
    const answer = await ask({ port, path, method: 'DELETE', headers: { origin } })
    assert.equal(answer.statusCode, status, origin)
  }
  const read = await ask({ port, path: '/status', headers: { origin: 'http://localhost:3000' } })
  assert.equal(read.headers['access-control-allow-origin'], undefined)
})

/** Vite's development server with our configuration on a port of its own. */
async function startVite(t: TestContext, target: string): Promise<number> {
  const port = await freePort()
  const vite = path.join(root, 'node_modules/vite/bin/vite.js')
  const child = spawn(process.execPath, [vite, '--port', String(port), '--strictPort'], {
    cwd: path.join(root, 'web'),
    env: { ...process.env, DEV_SLUICE_URL: target, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  t.after(async () => {
    child.kill()
    await closed
  })
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Local:')) return port
  throw new Error('the development server ended before it listened')
}

function opens(url: string, headers: Readonly<Record<string, string>>): Promise<boolean> {
  const socket = new WebSocket(url, { headers })
  return new Promise((resolve) => {
    let opened = false
    socket.on('open', () => {
      opened = true
      socket.close()
    })
    socket.on('error', () => undefined) // closed follows
    socket.on('close', () => resolve(opened))
  })
}

async function ask(options: http.RequestOptions): Promise<http.IncomingMessage> {
  const request = http.request({ host: '127.0.0.1', agent: false, ...options }).end()
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage] // as node:http documents
  answer.resume()
  return answer
}
