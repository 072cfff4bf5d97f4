import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { SluiceHttp } from '../support/sluice-http.ts'

test('a store whose engine has given up its file is opened anew, and holds each row once', async (t) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-broken-engine-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const file = path.join(folder, 'break')
  await fs.writeFile(file, '')
  const preload = pathToFileURL(path.resolve(import.meta.dirname, '../support/break-engine.ts'))
  process.env['NODE_OPTIONS'] = `--import=${preload.href}`
  process.env['BREAK_ENGINE'] = file
  t.after(() => {
    delete process.env['NODE_OPTIONS']
    delete process.env['BREAK_ENGINE']
  })
  const running = await SluiceHttp.start(t)
  const begin = Date.now()
  const status = () => running.get<{ stores: readonly { restarts: number; ready: boolean }[] }>('/status')
  let rows = 0
  while (((await status()).stores[0]?.restarts ?? 0) === 0) {
    const { status } = await running.post(
      JSON.stringify({ device_id: 'd', tag_id: 'x', v: rows, ts: begin + rows }),
    )
    assert.equal(status, 202)
    rows++
    await setTimeout(10)
  }
  assert.ok(!existsSync(file), 'the engine was broken')
  await running.drained()
  const values = (await running.rows('d')).map(({ value }) => value)
  assert.deepEqual(
    values,
    Array.from({ length: rows }, (_, i) => i),
  )
})
