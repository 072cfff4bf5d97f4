import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { inspectData } from '../../src/app/inspect.ts'
import { SluiceHttp } from '../support/sluice-http.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { readingSinks, readStatus } from '../support/sluice-status.ts'

const settings = { 'log.segmentBytes': '64 KiB' }
const begin = 1_705_314_600_000
const commitRows = 500

test('rows that are gone from the log before the store took them are counted and alarmed, those trimmed before it came are counted', async (t) => {
  const running = await SluiceHttp.start(t, { settings })
  const { data } = running
  let sent = 0
  const post = async (commits: number) => {
    for (let i = 0; i < commits; i++) {
      const rows = Array.from({ length: commitRows }, () => ({
        device: 'd',
        metric: 'm',
        timestamp: begin + sent * 10,
        value: sent++,
      }))
      assert.equal((await running.post(JSON.stringify(rows))).status, 202)
    }
  }
  const restart = async (whileDown: () => Promise<void>) => {
    assert.equal((await running.sluice.stop()).code, 0)
    await whileDown()
    running.sluice = await SluiceProcess.start({ data, settings })
  }
  /** Store files into or out of a folder. */
  const move = async (from: string, to: string) => {
    await fs.mkdir(to, { recursive: true })
    for (const name of await fs.readdir(from))
      if (name.includes('.duckdb')) await fs.rename(path.join(from, name), path.join(to, name))
  }
  const copyStore = async (to: string) => {
    await fs.mkdir(to)
    for (const name of await fs.readdir(data))
      if (name.includes('.duckdb')) await fs.cp(path.join(data, name), path.join(to, name))
  }
  /** Rows of the log's first so many segments, which are gone now. */
  const removeSegments = async (count: number) => {
    const segments = inspectData(data)
    assert.ok(segments.length > count)
    const removed = segments.slice(0, count)
    for (const { file } of removed) await fs.rm(file)
    return removed.reduce((sum, { rows }) => sum + (rows['readings'] ?? 0), 0)
  }
  /** The store's books of readings, when it has been handed everything. */
  const books = async () => {
    await running.drained()
    const [sink] = readingSinks(await readStatus(running.sluice))
    assert.ok(sink?.balanced)
    return sink.books
  }
  const alarms = async () => (await readStatus(running.sluice)).alarms.map(({ code }) => code)

  await post(2)
  await running.drained()
  await restart(() => copyStore(path.join(data, 'older')))
  await post(20)
  await running.drained()

  // The store is put back from an older copy, and the log no longer holds what came next.
  let removed = 0
  await restart(async () => {
    await move(data, path.join(data, 'newer'))
    await move(path.join(data, 'older'), data)
    removed = await removeSegments(2)
  })
  const lost = removed - 2 * commitRows
  assert.ok(lost > 0)
  // Told at once: no row needs to come.
  const { handed, stored, damaged, expired } = await books()
  assert.deepEqual([handed, stored, damaged, expired], [sent, sent - lost, lost, 0])
  assert.deepEqual(await alarms(), ['rows-damaged'])
  await post(1)
  await restart(async () => {})
  assert.deepEqual([(await books()).handed, (await books()).damaged], [sent, lost], 'once')
  assert.equal((await running.rows('d')).length, sent - lost)

  // A store that is new has missed what was removed before, and nothing has gone wrong.
  await restart(() => move(data, path.join(data, 'old')))
  const anew = await books()
  assert.deepEqual([anew.handed, anew.stored, anew.damaged, anew.expired], [sent, sent - removed, 0, removed])
  while ((await alarms()).length > 0) await setTimeout(20)
})
