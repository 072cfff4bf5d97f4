import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { components } from './components.ts'
import { loadConfig } from './config/load.ts'
import { replayOffline } from './replay.ts'

test('a data folder without a log is not made and replayed, but told', async () => {
  const data = path.join(os.tmpdir(), `sluice-replay-${process.pid}-${Math.random().toString(36).slice(2)}`)
  const config = await loadConfig({ file: undefined, env: {}, sets: [`data=${data}`], components })
  const replay = replayOffline(config, 'fresh', () => undefined, new AbortController().signal)
  await assert.rejects(replay, { code: 'bad-request', message: `there is no log in ${data}` })
  assert.equal(fs.existsSync(data), false)
})
