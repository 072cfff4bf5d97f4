import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { runCommand } from '../support/run-command.ts'
import { SluiceHttp } from '../support/sluice-http.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { readStatus } from '../support/sluice-status.ts'
import { storeContents } from '../support/store-contents.ts'

interface Replay {
  readonly name: string
  readonly state: string
  readonly error?: string
  readonly note?: string
  readonly rows: number
  readonly done: number
  readonly from: number
  readonly to: number
  readonly parts: readonly { readonly stream: string; readonly books: Readonly<Record<string, number>> }[]
}

const begin = 1_705_314_600_000
const two = { 'stores.main.type': 'duckdb', 'stores.second.type': 'duckdb' }
/** The second store has never seen the device that is missing there. */
const filtered = { ...two, 'pipelines.second.processors': '[{ type: filter, device: gone, drop: true }]' }

class Run {
  readonly #running: SluiceHttp
  #sent = 0

  constructor(running: SluiceHttp) {
    this.#running = running
  }

  get data(): string {
    return this.#running.data
  }

  get url(): string {
    return this.#running.url
  }

  get sluice(): SluiceProcess {
    return this.#running.sluice
  }

  /** Readings of both devices, half each. */
  async send(rows: number): Promise<void> {
    const body = Array.from({ length: rows }, (_, i) => ({
      device: i % 2 === 0 ? 'gone' : 'kept',
      metric: 'm',
      timestamp: begin + this.#sent++,
      value: i,
    }))
    assert.equal((await this.#running.post(JSON.stringify(body))).status, 202)
  }

  /** Messages that nobody can read, over MQTT: each becomes a dead letter. */
  async letters(count: number): Promise<void> {
    const client = await connectAsync(`mqtt://127.0.0.1:${this.sluice.mqttPort}`)
    for (let i = 0; i < count; i++) await client.publishAsync('dev/x/y', `{ ${i}`, { qos: 1 })
    await client.endAsync()
  }

  async edit(method: 'DELETE' | 'PATCH', from: number, to: number, body?: object): Promise<void> {
    const query = `device=gone&from=${begin + from}&to=${begin + to}`
    const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${this.url}/api/v1/readings?${query}`, { method, ...sent })
    assert.equal(response.status, 200, await response.text())
  }

  async restart(settings: Readonly<Record<string, string>>): Promise<void> {
    assert.equal((await this.sluice.stop()).code, 0)
    this.#running.sluice = await SluiceProcess.start({ data: this.data, settings })
  }

  /** kill -9 of a store's process alone: it is started again. */
  async killStore(name: string): Promise<void> {
    const { stores } = (await this.sluice.get('/status')) as { stores: { name: string; pid: number }[] }
    process.kill(stores.find((store) => store.name === name)?.pid ?? 0, 'SIGKILL')
  }

  async kill(settings: Readonly<Record<string, string>>): Promise<void> {
    this.sluice.killTree()
    await this.sluice.closed
    this.#running.sluice = await SluiceProcess.start({ data: this.data, settings })
  }

  replay(name: string): Promise<Replay> {
    return this.#running.get<Replay>(`/api/v1/replays/${name}`)
  }

  /** What a replay is like once it is so. */
  async once(name: string, isSo: (replay: Replay) => boolean): Promise<Replay> {
    const end = performance.now() + 60_000
    for (;;) {
      const replay = await this.replay(name)
      if (isSo(replay)) return replay
      assert.ok(performance.now() < end, `${JSON.stringify(replay)}\n${this.sluice.output}`)
      await setTimeout(20)
    }
  }

  async post(
    body: object,
  ): Promise<{ status: number; body: Replay & { error: { code: string; message: string } } }> {
    const response = await fetch(`${this.url}/api/v1/replays`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    const answer = (await response.json()) as Replay & { error: { code: string; message: string } } // each test looks at its members
    return { status: response.status, body: answer }
  }

  async drained(): Promise<void> {
    await this.#running.drained()
  }
}

async function startRun(t: TestContext, settings: Readonly<Record<string, string>>): Promise<Run> {
  return new Run(await SluiceHttp.start(t, { settings }))
}

test('a store that lacks rows is given them by a replay beside live traffic, over kill -9, edits in their places; it then equals the live one', async (t) => {
  const run = await startRun(t, filtered)
  for (let i = 0; i < 8; i++) await run.send(1_000)
  await run.edit('DELETE', 1_000, 1_500)
  await run.edit('PATCH', 2_000, 2_500, { quality: 0, value: 7.5 })
  await run.send(1_000)
  await run.drained()
  await run.restart(two)
  const args = ['replay', '--url', run.url, '--sink', 'second', '--name', 'again', '--rate', '4000']
  const started = await runCommand(...args)
  assert.equal(started.code, 0, started.err)
  assert.match(started.out, /^replay again to second has begun: numbers 0 to \d+\n$/)

  await run.once('again', ({ rows }) => rows > 0)
  await run.killStore('second')
  const before = await run.once('again', ({ rows, state }) => rows > 2_000 && state === 'running')
  assert.equal(before.state, 'running')
  await run.send(500)
  await run.kill(two)
  const after = await run.once('again', ({ rows }) => rows > 0)
  assert.ok(after.rows >= before.rows, 'it goes on where the store stands')
  assert.ok(after.done < 1, 'the kill fell into the replay')
  await run.send(500)
  const done = await run.once('again', ({ state }) => state !== 'running' && state !== 'waiting')
  assert.deepEqual([done.state, done.error], ['done', undefined])
  const books = done.parts.find(({ stream }) => stream === 'readings')?.books
  // What the live lane has stored counts as repeated; so do rows that an edit deleted.
  assert.equal(books?.['handed'], 9_000)
  assert.equal((books?.['stored'] ?? 0) + (books?.['repeated'] ?? 0) + (books?.['overwritten'] ?? 0), 9_000)
  assert.equal(books?.['stored'], 4_500 - 250)

  await run.drained()
  const status = await readStatus(run.sluice)
  assert.deepEqual(status.alarms, [])
  assert.ok(status.sinks.every(({ balanced }) => balanced))
  const listed = await runCommand('replay', 'list', '--url', run.url)
  assert.match(listed.out, /^again +second +done +100\.0 % +9000 /m)
  const metrics = await (await fetch(`${run.url}/metrics`)).text()
  assert.match(
    metrics,
    /sluice_replay_rows_total\{sink="second",replay="again",stream="readings",term="handed"\} 9000/,
  )
  assert.match(
    (await runCommand('replay', 'cancel', 'again', '--url', run.url)).out,
    /had ended and is forgotten/,
  )
  assert.equal((await runCommand('replay', 'cancel', 'again', '--url', run.url)).code, 1)
  assert.equal((await run.sluice.stop()).code, 0)
  const main = await storeContents(run.data, 'main')
  assert.equal(main.filter((row) => row.startsWith('gone m')).length, 5_000 - 250)
  assert.deepEqual(await storeContents(run.data, 'second'), main)
})

test('a replay keeps what it needs in the log, can be cancelled, and is told why it cannot begin', async (t) => {
  const settings = {
    'log.segmentBytes': '64 KiB',
    'log.retentionDays': '0.00002', // 1.7 s
    'sinks.lines.type': 'file',
    'sinks.lines.path': 'lines.ndjson',
  }
  const run = await startRun(t, settings)
  for (let i = 0; i < 10; i++) await run.send(1_000)
  const slow = await run.post({ sink: 'lines', rate: 4, name: 'slow' })
  assert.equal(slow.status, 201)
  const [, slowFile = ''] = /the rows go to (lines\.ndjson\.replay-slow-\w+)/.exec(slow.body.note ?? '') ?? []
  await run.drained()
  // Retention would have removed most of it long since.
  const held = async () => (await run.sluice.get('/status')) as { log: { id: string; first: number } }
  await setTimeout(3_000)
  await run.send(100)
  const { id, first } = (await held()).log
  assert.equal(first, 0)

  const refusals: [object, number, string, RegExp][] = [
    [{ sink: 'main', name: 'slow' }, 409, 'conflict', /there is a replay slow already/],
    [{ sink: 'none' }, 404, 'not-found', /sink: there is no none; there are: main, lines/],
    [{}, 400, 'bad-request', /sink: expected a name/],
    [{ sink: 'main', rate: 1e-300 }, 400, 'bad-request', /rate: must be at least 1/],
    [{ sink: 'main', from: 'soon' }, 400, 'bad-request', /from: expected a live cursor, or a time/],
    [{ sink: 'main', from: true }, 400, 'bad-request', /from: expected a live cursor, or a time/],
    [{ sink: 'main', from: 4e12 }, 400, 'bad-request', /nothing was written between the bounds/],
    [
      { sink: 'main', from: `${id}.1-1` },
      400,
      'bad-request',
      /the cursor is of partition 1, and this log has 0 alone/,
    ],
    [{ sink: 'main', from: `${id}.0-1.1-1` }, 400, 'bad-request', /from: expected a live cursor/],
    [{ sink: 'main', other: 1 }, 400, 'bad-request', /other: there is no such parameter/],
    [{ sink: 'main', fromStore: 'main' }, 400, 'bad-request', /fromStore: main has its own rows/],
    [{ sink: 'main', fromStore: 'none' }, 404, 'not-found', /fromStore: there is no none/],
    [{ sink: 'main', fromStore: 'lines' }, 400, 'bad-request', /fromStore: lines is no store/],
    [{ sink: 'lines', fromStore: 'main' }, 400, 'bad-request', /sink: lines is no store/],
    [{ sink: 'main', fromStore: 'lines', to: 'now' }, 400, 'bad-request', /to: a copy has no bounds/],
    [{ sink: 'main', from: 'now' }, 400, 'bad-request', /nothing was written between the bounds/],
    [
      { sink: 'main', from: '00000000-0000-4000-8000-000000000000.0-1' },
      400,
      'bad-request',
      /the cursor is of log 00000000-0000-4000-8000-000000000000, and this is log/,
    ],
  ]
  for (const [body, status, code, message] of refusals) {
    const answer = await run.post(body)
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], JSON.stringify(body))
    assert.match(answer.body.error.message, message)
  }

  const cancelled = await runCommand('replay', 'cancel', 'slow', '--url', run.url)
  assert.equal(cancelled.code, 0, cancelled.err)
  assert.match(cancelled.out, /^replay slow is cancelled; the \d+ rows that it has given stay\n$/)
  while ((await held()).log.first === 0) await setTimeout(50)
  const late = await run.post({ sink: 'main', from: '-1h' })
  assert.equal(late.status, 400)
  assert.match(
    late.body.error.message,
    /from: the log holds what was written since 20.*; what came before was removed/,
  )
  const linesOf = async (name: string) =>
    (await fs.readFile(path.join(run.data, name), 'utf8')).trim().split('\n')
  const lines = await linesOf(slowFile)
  assert.deepEqual(lines, (await linesOf('lines.ndjson')).slice(0, lines.length))
  assert.ok(lines.length < 1_000)

  // What the log still holds, once more and at once.
  const whole = await runCommand('replay', '--url', run.url, '--sink', 'lines', '--wait')
  assert.equal(whole.code, 0, whole.err)
  assert.match(whole.out, /^readings: handed (\d+), stored \1\nreplay lines-1 is done$/m)
  // One that is given the name of another is not taken for it.
  assert.equal((await runCommand('replay', 'cancel', 'lines-1', '--url', run.url)).code, 0)
  const again = await runCommand('replay', '--url', run.url, '--sink', 'lines', '--wait')
  assert.match(again.out, /^readings: handed ([1-9]\d+), stored \1\nreplay lines-1 is done$/m)
})

test('what the log no longer holds is copied from another store beside live traffic, over kill -9; both then answer alike', async (t) => {
  const one = { 'log.segmentBytes': '64 KiB', 'log.retentionDays': '0.00002' }
  const run = await startRun(t, one)
  for (let i = 0; i < 8; i++) await run.send(1_000)
  await run.edit('DELETE', 1_000, 1_500)
  await run.edit('PATCH', 2_000, 2_500, { quality: 0, value: 7.5 })
  await run.letters(3)
  await run.drained()
  const first = async () => ((await run.sluice.get('/status')) as { log: { first: number } }).log.first
  while ((await first()) === 0) {
    await setTimeout(100)
    await run.send(10)
  }
  await run.restart({ ...one, ...two })
  const args = ['replay', '--url', run.url, '--from-store', 'main', '--to', 'second', '--name', 'whole']
  const started = await runCommand(...args, '--rate', '4000')
  assert.deepEqual([started.code, started.out], [0, 'replay whole to second has begun: a copy of main\n'])

  await run.once('whole', ({ rows }) => rows > 0)
  await run.killStore('main')
  const before = await run.once('whole', ({ rows }) => rows > 2_000)
  await run.send(500)
  await run.kill({ ...one, ...two })
  const after = await run.once('whole', ({ rows }) => rows > 0)
  assert.ok(after.rows >= before.rows, 'it goes on where the store stands')
  assert.ok(after.done < 1, 'the kill fell into the copy')
  await run.send(500)
  await run.edit('DELETE', 3_000, 3_500)
  const done = await run.once('whole', ({ state }) => state !== 'running' && state !== 'waiting')
  assert.deepEqual([done.state, done.error], ['done', undefined])
  assert.deepEqual(
    [...new Set(done.parts.map(({ stream }) => stream))],
    ['edits', 'readings', 'dead-letters'],
  )
  await run.drained()
  assert.deepEqual((await readStatus(run.sluice)).alarms, [])
  assert.equal((await run.sluice.stop()).code, 0)
  const main = await storeContents(run.data, 'main', ['dead-letters'])
  assert.ok(main.some((row) => row.startsWith('dead-letters ')))
  assert.deepEqual(await storeContents(run.data, 'second', ['dead-letters']), main)
})
