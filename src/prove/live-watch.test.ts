import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { until } from '../../test/support/until.ts'
import { Ledger } from './ledger.ts'
import { LiveWatch } from './live-watch.ts'
import { type Plan, plannedRecord } from './plan.ts'

const plan: Plan = { seed: 3, devices: 1, metrics: 1, run: 'b2' }
const signal = new AbortController().signal

test('a record that came neither live nor in an announced gap is a silent gap', async () => {
  await using door = await startDoor()
  const { watch, ledger } = await subscribed(door, 10)
  door.rows([0, 1, 2, 4, 5, 6, 9], 'c1')
  door.send({ type: 'gap', id: 'prove', rows: 2, from: 'c1', to: 'c2' })
  await until(() => watch.verdict(ledger).announced === 2)
  const verdict = watch.verdict(ledger)
  assert.equal(verdict.silentGaps, 1)
  assert.match(verdict.examples[0] ?? '', /never came live: prove-b2-0 record 3/)
  door.rows([3], 'c3')
  await watch.settle(ledger, 10_000, signal)
  assert.equal(watch.verdict(ledger).silentGaps, 0)
  watch.close()
})

test('after a break it goes on behind its cursor, and what comes twice counts once', async () => {
  await using door = await startDoor()
  const { watch, ledger } = await subscribed(door, 4)
  door.rows([0, 1], 'c7')
  await until(() => watch.verdict(ledger).rows === 2)
  door.cut()
  await until(() => door.asked.length === 2)
  assert.deepEqual(door.asked, ['c0', 'c7'])
  door.rows([1, 2, 3], 'c9')
  await watch.settle(ledger, 10_000, signal)
  const { rows, connections, silentGaps, wrong } = watch.verdict(ledger)
  assert.deepEqual(
    { rows, connections, silentGaps, wrong },
    { rows: 5, connections: 2, silentGaps: 0, wrong: 0 },
  )
  watch.close()
})

test('a value that nobody sent, and a cursor that is refused, are wrong', async () => {
  await using door = await startDoor()
  const { watch, ledger } = await subscribed(door, 1)
  const { device, metric, time, value } = plannedRecord(plan, { device: 0, epoch: 0, sequence: 0 })
  const series = [[1, device, metric, '']]
  door.send({ type: 'readings', cursor: 'c1', series, rows: [[1, time / 1000, value + 1, 192]] })
  door.send({ type: 'error', error: { message: 'no cursor of this log' } })
  await until(() => watch.verdict(ledger).wrong === 2)
  assert.match(watch.verdict(ledger).examples.join(), /was never sent.*no cursor of this log/)
  watch.close()
})

/** A watch, and a ledger in which so many records are acknowledged. */
async function subscribed(door: { url: string }, records: number) {
  const ledger = new Ledger(plan)
  const page = ledger.open(0, 0)
  for (let sequence = 0; sequence < records; sequence++) {
    page.sent(sequence)
    page.acked(sequence)
  }
  page.sent(records) // without an answer: it need not come
  const watch = new LiveWatch(door.url, plan)
  await watch.start()
  return { watch, ledger }
}

/** A live door that says what a test wants it to. */
async function startDoor() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws' })
  await once(server, 'listening')
  const asked: string[] = []
  let client: WebSocket | undefined
  server.on('connection', (socket) => {
    client = socket
    socket.send('{"type":"hello","cursor":"c0"}')
    socket.on('message', (text: Buffer) => {
      const { from, devices } = JSON.parse(text.toString()) as { from: string; devices: string } // as: what the watch says
      assert.equal(devices, 'prove-b2-*')
      asked.push(from)
      socket.send(JSON.stringify({ type: 'subscribed', id: 'prove', cursor: from }))
    })
  })
  const send = (frame: object) => client?.send(JSON.stringify(frame))
  const { port } = server.address() as AddressInfo // as: it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    send,
    cut: () => client?.terminate(),
    rows(sequences: readonly number[], cursor: string) {
      const records = sequences.map((sequence) => plannedRecord(plan, { device: 0, epoch: 0, sequence }))
      const rows = records.map(({ time, value }) => [1, time / 1000, value, 192])
      send({ type: 'readings', id: 'prove', cursor, series: [[1, 'prove-b2-0', 'm0', '']], rows })
    },
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    },
  }
}
