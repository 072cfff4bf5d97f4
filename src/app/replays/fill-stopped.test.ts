import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { openEmbeddedLog } from '../../log/embedded/log.ts'
import { components } from '../components.ts'
import { loadConfig } from '../config/load.ts'
import { fillStopped } from './fill-stopped.ts'

test('a data folder without a log is not made and replayed, but told', async () => {
  const data = path.join(os.tmpdir(), `sluice-replay-${process.pid}-${Math.random().toString(36).slice(2)}`)
  const config = await loadConfig({ file: undefined, env: {}, sets: [`data=${data}`], components })
  const replay = fillStopped(config, 'fresh', () => undefined, new AbortController().signal)
  await assert.rejects(replay, { code: 'bad-request', message: `there is no log in ${data}` })
  assert.equal(fs.existsSync(data), false)
})

test('a replay that was cut short is told which files to delete, a store in use is not', async (t) => {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-replay-'))
  t.after(() => fs.rmSync(data, { recursive: true }))
  const log = await openEmbeddedLog(path.join(data, 'log'), {
    segmentBytes: 1e6,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: [],
  })
  await log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 3) }))
  await log.close()
  const config = await loadConfig({ file: undefined, env: {}, sets: [`data=${data}`], components })
  const replay = (name: string) =>
    fillStopped(config, name, () => undefined, new AbortController().signal).then(
      () => 'done',
      (error: Error) => error.message.replace(/.*empty store; /, ''),
    )
  assert.deepEqual([await replay('fresh'), await replay('main')], ['done', 'done'])
  const file = path.join(data, 'fresh.duckdb')
  assert.equal(
    await replay('fresh'),
    `if a replay that was cut short left it, delete ${file} and ${file}.wal, or choose another name`,
  )
  assert.equal(await replay('main'), 'choose a name that no store of the configuration has')
  for (const name of [file, `${file}.wal`]) fs.rmSync(name, { force: true })
  assert.equal(await replay('fresh'), 'done')
})
