import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import type { StoredRows } from '../../../src/prove/judge.ts'
import { OwnServer } from '../../support/own-server.ts'
import type { Contender, Part } from './contender.ts'
import { SubscriberProcess } from './subscriber-process.ts'

export interface Recipe {
  readonly name: string
  readonly script: string
  /** Lines of mosquitto.conf beside the listener; `folder` is where it may keep files. */
  conf(folder: string): readonly string[]
}

/** Mosquitto as it comes, and the script of a tutorial. */
export const quick: Recipe = {
  name: 'Mosquitto + quick subscriber',
  script: 'quick-subscriber.ts',
  conf: () => [],
}

/** What somebody adds who has read Mosquitto's manual: messages are saved, and none is dropped because too many wait. */
export const careful: Recipe = {
  name: 'Mosquitto + careful subscriber',
  script: 'careful-subscriber.ts',
  conf: (folder) => [
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_interval 30',
    'max_queued_messages 0',
  ],
}

/** The broker and a subscriber that writes to SQLite in `folder`. Where nothing has come for `quietMs`, nothing more will. */
export async function startMosquitto(
  { name, script, conf }: Recipe,
  folder: string,
  quietMs: number,
): Promise<Contender> {
  const file = path.join(folder, 'readings.db')
  const broker = await OwnServer.start('mosquitto', (server) => ({
    ...server,
    launch(home, ports) {
      const launch = server.launch(home, ports)
      const lines = [
        `listener ${ports['mqtt']} 127.0.0.1`,
        'allow_anonymous true',
        ...(process.getuid?.() === 0 ? ['user root'] : []),
        ...conf(folder),
      ]
      writeFileSync(path.join(home, 'mosquitto.conf'), `${lines.join('\n')}\n`)
      return launch
    },
  }))
  const port = broker.port('mqtt')
  let subscriber: SubscriberProcess
  try {
    subscriber = await SubscriberProcess.start(script, `mqtt://127.0.0.1:${port}`, file)
  } catch (error) {
    await broker[Symbol.asyncDispose]()
    throw error
  }
  return {
    name,
    port,
    async hit(part: Part, signal, downMs) {
      if (part === 'subscriber') return subscriber.hit(signal, downMs)
      await (signal === 'SIGKILL' ? broker.kill() : broker.stop())
      await setTimeout(downMs)
      await broker.start()
    },
    async settle() {
      if (!broker.running) await broker.start() // as its supervisor would have
      for (let [before, since] = [-1, performance.now()]; performance.now() - since < quietMs; ) {
        const rows = countRows(file)
        if (rows !== before) [before, since] = [rows, performance.now()]
        await setTimeout(200)
      }
    },
    async stop() {
      await subscriber.stop()
      await broker[Symbol.asyncDispose]()
    },
    rows: () => rowsOf(file),
  }
}

function countRows(file: string): number {
  using database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  return Number(database.prepare('SELECT count(*) AS rows FROM readings').get()?.['rows'])
}

const batchRows = 10_000

/** In the order in which they were written. */
async function* rowsOf(file: string): AsyncGenerator<StoredRows> {
  using database = new DatabaseSync(file)
  const select = database.prepare('SELECT id, device, metric, time, value FROM readings ORDER BY id')
  let rows: Record<string, unknown>[] = []
  for (const row of select.iterate()) {
    rows.push(row)
    if (rows.length < batchRows) continue
    yield columnsOf(rows)
    rows = []
  }
  yield columnsOf(rows)
}

function columnsOf(rows: readonly Record<string, unknown>[]): StoredRows {
  return {
    length: rows.length,
    device: rows.map((row) => String(row['device'])),
    metric: rows.map((row) => String(row['metric'])),
    time: Float64Array.from(rows, (row) => Number(row['time'])),
    value: Float64Array.from(rows, (row) => Number(row['value'])),
    seq: BigInt64Array.from(rows, (row) => BigInt(Number(row['id']))),
  }
}
