import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import mqtt from 'mqtt'
import { SluiceHttp } from '../support/sluice-http.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

interface Status {
  readonly log: { readonly id: string; readonly renewals: number }
  readonly alarms: readonly { readonly code: string }[]
  readonly books: { readonly balanced: boolean; readonly rowsAccepted: number }
  readonly stores: readonly { readonly ready: boolean }[]
  readonly sinks: readonly {
    readonly stream: string
    readonly state: string
    readonly balanced: boolean
    readonly position?: number
    readonly books: { readonly handed: number }
  }[]
}

const begin = 1_705_314_600_000

const time = /"time":[^,]*/

/** Readings of a device, one a second from `from` on. */
const readings = (device: string, from: number, to: number, value: number) =>
  JSON.stringify(
    Array.from({ length: to - from }, (_, i) => ({
      device,
      metric: 'm',
      timestamp: begin + (from + i) * 1000,
      value,
    })),
  )

test('the log folder is put back from an older copy: every acknowledged row of it and every new one is stored once', async (t) => {
  const settings = { 'sinks.lines.type': 'file', 'sinks.lines.path': 'lines.ndjson' }
  const running = await SluiceHttp.start(t, { settings })
  const { data } = running
  const [log, copy] = [path.join(data, 'log'), path.join(data, 'log-copy')]
  const status = () => running.get<Status>('/status')
  const until = async (isSo: () => Promise<boolean>) => {
    const end = performance.now() + 20_000
    while (!(await isSo())) {
      assert.ok(performance.now() < end, 'it takes too long')
      await setTimeout(20)
    }
  }
  /** Both sinks have been handed every row that was taken. */
  const drained = () =>
    until(async () => {
      const { sinks, stores, books } = await status()
      const readings = sinks.filter(({ stream }) => stream === 'readings')
      const isWhole = readings.every((sink) => sink.books.handed >= books.rowsAccepted)
      return stores.every(({ ready }) => ready) && readings.length === 2 && isWhole
    })
  const restart = async (whileDown: () => Promise<void>) => {
    await drained()
    assert.equal((await running.sluice.stop()).code, 0)
    await whileDown()
    running.sluice = await SluiceProcess.start({ data, settings })
  }
  const post = async (body: string) => assert.equal((await running.post(body)).status, 202)
  const letters = async () =>
    (await running.get<{ letters: unknown[] }>('/api/v1/dead-letters')).letters.length
  /** A dead letter more, and so many in the store. */
  const letter = async (count: number) => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.sluice.mqttPort}`)
    await client.publishAsync('dev/bad/m', '{"bad"', { qos: 1 })
    await client.endAsync()
    await drained()
    await until(async () => (await letters()) >= count)
  }

  await post(readings('kept', 0, 300, 1))
  await letter(1)
  await restart(() => fs.cp(log, copy, { recursive: true }))
  await post(readings('lost', 0, 500, 2)) // the log loses these, the store has them
  await letter(2)
  const before = await status()
  await restart(async () => {
    await fs.rm(log, { recursive: true })
    await fs.cp(copy, log, { recursive: true })
  })
  // At once, and more than was lost: nobody may take the new rows' numbers for those of the lost ones.
  await post(readings('new', 0, 400, 3))
  await post(readings('lost', 100, 200, 4))
  await post(readings('new', 400, 1_000, 3))
  await letter(3)

  const values = async (device: string) => (await running.rows(device)).map(({ value }) => value)
  const check = async () => {
    await drained()
    assert.deepEqual(await values('kept'), new Array(300).fill(1))
    assert.deepEqual(await values('new'), new Array(1_000).fill(3))
    assert.deepEqual(
      await values('lost'),
      Array.from({ length: 500 }, (_, i) => (i >= 100 && i < 200 ? 4 : 2)),
    )
    assert.equal(await letters(), 3)
    // A file gets everything once or more.
    const lines = (await fs.readFile(path.join(data, 'lines.ndjson'), 'utf8')).split('\n')
    const inFile = new Set(lines.filter((line) => line.includes('"new"')).map((line) => time.exec(line)?.[0]))
    assert.equal(inFile.size, 1_000)
  }
  await check()
  const { log: renewed, sinks, books, alarms } = await status()
  assert.notEqual(renewed.id, before.log.id)
  assert.deepEqual([before.log.renewals, renewed.renewals], [0, 1])
  assert.deepEqual(
    alarms.map(({ code }) => code),
    ['log-behind'],
  )
  assert.ok(books.balanced && sinks.every(({ state, balanced }) => state === 'running' && balanced))
  assert.match(running.sluice.output, /its folder is an older copy/)

  // Streams without a row too: a start need not go through the log for them.
  await until(async () => (await status()).sinks.every(({ position }) => position !== undefined))

  await restart(async () => {})
  await check()
  const after = await status()
  assert.deepEqual([after.log.id, after.log.renewals, after.alarms], [renewed.id, 1, []])
  assert.doesNotMatch(running.sluice.output, /older copy/)
})
