import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { changesOf, countingReadings, documentsOf, nameOf } from '../../../test/support/log-changes.ts'
import { storeContents } from '../../../test/support/store-contents.ts'
import { openEmbeddedLog } from '../../log/embedded/log.ts'
import { components } from '../components.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import { type OfflineReplay, replayStopped } from './offline.ts'

const never = new AbortController().signal
const stores = ['stores.main.type=duckdb', 'stores.second.type=duckdb']
const lines = ['sinks.lines.type=file', 'sinks.lines.path=lines.ndjson']

const threeLetters = [1, 2, 3].map((time) => ({
  key: 'd',
  time,
  body: JSON.stringify({ code: 'undecodable', time }),
}))

/** A data folder with a log of 1,000 readings and three dead letters. */
async function dataFolder(t: TestContext): Promise<{ data: string; config: Config; log: string }> {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-offline-'))
  t.after(() => fs.rmSync(data, { recursive: true }))
  const log = await openEmbeddedLog(path.join(data, 'log'), {
    segmentBytes: 1e6,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: [],
  })
  for (let i = 0; i < 1_000; i += 100)
    await log.commit(changesOf({ names: i === 0 ? [nameOf(0)] : [], readings: countingReadings(i, 100) }))
  await log.commit(changesOf({ documents: [documentsOf('dead-letters', threeLetters)] }))
  await log.close()
  const sets = [`data=${data}`, ...stores, ...lines]
  return { data, config: await loadConfig({ file: undefined, env: {}, sets, components }), log: log.id }
}

const replay = (config: Config, ask: Parameters<typeof replayStopped>[1], signal = never) =>
  replayStopped(config, ask, () => undefined, signal)

test('while Sluice is stopped a store is given what the log holds, or what another one does, and goes on where it was cut short', async (t) => {
  const { data, config, log } = await dataFolder(t)
  const next = (number: bigint) =>
    ({ kind: 'cursor', position: { log, partition: 0, next: number } }) as const
  const some = await replay(config, { sink: 'main', from: next(100n), to: next(250n), name: 'part' })
  assert.deepEqual(
    some.map(({ stream, books }) => [stream, books.handed, books.stored]),
    [
      ['readings', 150, 150],
      ['dead-letters', 0, 0],
    ],
  )
  const others = await replay(config, { sink: 'main', from: next(50n), to: next(250n), name: 'part' })
  assert.deepEqual([others[0]?.books.stored, others[0]?.books.repeated], [50, 150], 'other bounds')
  const bounds = { from: next(50n), to: next(300n) }
  const cut = new AbortController()
  const cutShort = ({ books }: PipelineStatus) => books.handed >= 20 && cut.abort(new Error('cut short'))
  const short = { sink: 'main', ...bounds, name: 'short' }
  await assert.rejects(replayStopped(config, { ...short, rate: 40 }, cutShort, cut.signal), /cut short/)
  const rest = await replay(config, short)
  assert.deepEqual([rest[0]?.books.handed, rest[0]?.books.stored], [250, 50], 'it went on at its position')
  const hasEnded = (ask: OfflineReplay, message: RegExp) =>
    assert.rejects(replay(config, ask), { code: 'conflict', message })
  await hasEnded(short, /the replay short to main with the numbers 50 to 300 has ended: choose another name/)
  const all = await replay(config, { sink: 'main' })
  assert.deepEqual([all[0]?.books.stored, all[0]?.books.repeated], [750, 250])

  const copied = await replay(config, { sink: 'second', fromStore: 'main' })
  assert.deepEqual(
    copied.map(({ stream, books }) => [stream, books.stored]),
    [
      ['readings', 1_000],
      ['dead-letters', 3],
    ],
  )
  const [main, second] = [
    await storeContents(data, 'main', ['dead-letters']),
    await storeContents(data, 'second', ['dead-letters']),
  ]
  assert.equal(main.length, 1_000 + 1 + 3)
  assert.deepEqual(second, main)
  const copy = { sink: 'second', fromStore: 'main', name: 'copy' }
  assert.equal((await replay(config, copy))[0]?.books.repeated, 1_000)
  await hasEnded(copy, /the replay copy to second of main, which has nothing more, has ended/)

  const written = await replay(config, { sink: 'lines', name: 'again' })
  assert.deepEqual(
    written.map(({ books }) => books.stored),
    [1_000],
  )
  await hasEnded(
    { sink: 'lines', name: 'again' },
    /the replay again to lines with the numbers 0 to \d+ has ended/,
  )
  const file = path.join(
    data,
    fs.readdirSync(data).find((name) => /replay-again-stopped-0-\w+$/.test(name)) ?? '',
  )
  assert.equal(fs.readFileSync(file, 'utf8').split('\n').length, 1_001)
})

test('what cannot be replayed while Sluice is stopped is told, and leaves nothing locked', async (t) => {
  const { config } = await dataFolder(t)
  const refused = (ask: Parameters<typeof replayStopped>[1], code: string, message: RegExp) =>
    assert.rejects(replay(config, ask), { code, message })
  await refused({ sink: 'none' }, 'not-found', /there is no store none; there are: main, second/)
  await refused({ sink: 'main', fromStore: 'none' }, 'not-found', /there is no store none/)
  await refused({ sink: 'main', fromStore: 'main' }, 'bad-request', /main has its own rows/)
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  await assert.rejects(replay(config, { sink: 'main' }, abort.signal), /enough/)
  assert.equal((await replay(config, { sink: 'main' }))[0]?.books.stored, 1_000)
})
