/** kill -9 while dead letters are replayed, many in a request and one by one: each is a letter still, or its row stands once. */
import { z } from 'zod'
import mqtt from 'mqtt'
import { killInCommit } from '../../src/prove/kill-in-commit.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained, readStatus } from '../support/sluice-status.ts'
import { setTimeout } from 'node:timers/promises'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    kills: z.int().positive().default(100).describe('into commits of the log and transactions of the store'),
    letters: z
      .int()
      .min(10)
      .default(100)
      .describe('to be replayed for each kill, a tenth of them of the store'),
  })
  .describe('kill -9 while dead letters are replayed: each is a letter still, or its row stands once')

/** Nothing may be named that is not declared, so what the device `door` sends becomes letters; rows of `store` are no finite numbers. */
const refusing = {
  'series.strict': 'true',
  'series.declare': '[{"device":"store"}]',
  'pipelines.main.processors': '[{"type":"scale","metric":"boom","factor":1e300}]',
}
const ts = 1_768_473_000_000

interface Letter {
  readonly id: string
  readonly source: string
  readonly text: string
}

export async function run(
  { kills, letters }: z.output<typeof options>,
  { folder, note, ends, signal }: Report,
): Promise<Outcome> {
  const [mqttPort, httpPort] = [await freePort(), await freePort()]
  const start = (settings: Readonly<Record<string, string>>) =>
    SluiceProcess.start({ data: folder, mqttPort, httpPort, settings })
  let sluice = await start(refusing)
  ends(() => sluice.killTree())
  const stores = Math.ceil((kills * letters) / 10)
  const doors = kills * letters - stores
  await fill(sluice, doors, stores)
  await sluice.stop()

  // Somebody has mended the configuration: everything is read again.
  const mended = { 'pipelines.main.processors': refusing['pipelines.main.processors'] }
  sluice = await start(mended)
  let inCommits = 0
  let made = 0
  for (; made < kills && !signal.aborted; made++) {
    const replaying = replaySome(sluice, letters)
    if (await killInCommit(folder, made % 2 === 0 ? 'log' : 'store', sluice.tree, 5_000)) inCommits++
    await replaying
    await sluice.closed
    sluice = await start(mended)
    note(`kill ${made + 1}`)
  }
  for (let left = 1; left > 0; left = (await lettersOf(sluice, 1)).length)
    await replaySome(sluice, Number.POSITIVE_INFINITY)
  const { books, log, alarms } = await drained(sluice, { rows: doors + stores, timeoutMs: 60_000 })
  await settled(sluice)
  const found = await rowsOf(sluice, 'door')
  const numbers = Array.from({ length: doors }, (_, i) => i)
  const again = (await rowsOf(sluice, 'store')).filter(({ metric }) => metric === 'boom')
  const faults = [
    ...differences(
      'rows of the door',
      found.map(({ value }) => value),
      numbers,
    ),
    ...differences(
      'rows of the store',
      again.map(({ value, time }) => value - time),
      Array.from({ length: stores }, () => 0),
    ),
    ...differences(
      'times of the store',
      again.map(({ time }) => time - ts),
      Array.from({ length: stores }, (_, i) => i),
    ),
    ...(books.balanced ? [] : ['the books do not balance']),
    ...alarms.map(({ code, message }) => `${code}: ${message}`),
  ]
  if (inCommits === 0) faults.push('no kill fell into a commit: this run proves nothing')
  await sluice.stop()
  return {
    n: made,
    seen: { letters: doors + stores, inCommits, replayRows: log.rows['letter-replays'] ?? 0 },
    faults,
  }
}

/** The letters, each of a row that it will be. The rows of doors have no time of their own: twice the same would be two. */
async function fill(sluice: SluiceProcess, doors: number, stores: number): Promise<void> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${sluice.mqttPort}`)
  const sent: Promise<unknown>[] = []
  for (let i = 0; i < doors; i++)
    sent.push(client.publishAsync(`dev/door/m${i % 50}`, `{"v":${i}}`, { qos: 1 }))
  for (let i = 0; i < stores; i++) {
    sent.push(client.publishAsync('dev/store/boom', `{"v":${1e9 + i},"ts":${ts + i}}`, { qos: 1 }))
    // A store that refuses everything is down.
    sent.push(client.publishAsync('dev/store/good', `{"v":1,"ts":${ts + i}}`, { qos: 1 }))
  }
  await Promise.all(sent)
  await client.endAsync()
  await drained(sluice, { rows: 2 * stores, letters: doors + stores, timeoutMs: 300_000 })
}

/** Some of those that are left, until all are tried or the program is gone. */
async function replaySome(sluice: SluiceProcess, count: number): Promise<void> {
  const post = async (path: string, body?: object): Promise<void> => {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const url = `http://127.0.0.1:${sluice.httpPort}/api/v1/dead-letters${path}`
    await (await fetch(url, { method: 'POST', ...init })).text()
  }
  try {
    for (let tried = 0; tried < count; tried += 10) {
      const left = await lettersOf(sluice, 10)
      if (left.length === 0) return
      await post('/replay?device=door&limit=9')
      const ofStore = await lettersOf(sluice, 1, 'main')
      for (const { id, text } of ofStore) {
        const { ts: time } = JSON.parse(text) as { ts: number } // as the store's letters have it
        await post(`/${id}/replay`, {
          text: JSON.stringify({ device_id: 'store', tag_id: 'boom', v: time, q: 192, ts: time }),
        })
      }
    }
  } catch {} // killed
}

async function lettersOf(sluice: SluiceProcess, limit: number, source?: string): Promise<readonly Letter[]> {
  const query = `limit=${limit}${source === undefined ? '' : `&source=${source}`}`
  return ((await sluice.get(`/api/v1/dead-letters?${query}`)) as { letters: Letter[] }).letters // its documented shape
}

/** Every row that was handed to the store again is there. */
async function settled(sluice: SluiceProcess): Promise<void> {
  for (;;) {
    const { sinks, log } = await readStatus(sluice)
    const handed = sinks.find(({ stream }) => stream === 'letter-replays')?.books.handed
    if (handed === (log.rows['letter-replays'] ?? 0)) return
    await setTimeout(20)
  }
}

interface Row {
  readonly metric: string
  readonly time: number
  readonly value: number
}

async function rowsOf(sluice: SluiceProcess, device: string): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (let cursor = ''; ; ) {
    const page = (await sluice.get(
      `/api/v1/readings?device=${device}&from=0&to=9000000000000&limit=5000${cursor}`,
    )) as { rows: Row[]; next?: string } // its documented shape
    rows.push(...page.rows)
    if (page.next === undefined) return rows
    cursor = `&cursor=${page.next}`
  }
}

function differences(what: string, found: readonly number[], expected: readonly number[]): string[] {
  const sorted = found.toSorted((a, b) => a - b)
  const counts = new Map<number, number>()
  for (const value of expected) counts.set(value, (counts.get(value) ?? 0) - 1)
  for (const value of sorted) counts.set(value, (counts.get(value) ?? 0) + 1)
  const lost = [...counts.values()].filter((count) => count < 0).length
  const more = [...counts.values()].filter((count) => count > 0).length
  return lost + more === 0 ? [] : [`${what}: ${lost} are lost, ${more} stand too often or were never sent`]
}
