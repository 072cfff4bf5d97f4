import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import mqtt from 'mqtt'
import { SluiceHttp } from '../support/sluice-http.ts'

interface Status {
  readonly alarms: readonly { readonly code: string }[]
  readonly books: { readonly balanced: boolean; readonly letterBytes: number; readonly rowsReceived: number }
  readonly sinks: readonly { readonly stream: string; readonly backlog: number; readonly balanced: boolean }[]
}

interface Letters {
  readonly letters: readonly { readonly id: string; readonly device: string; readonly text: string }[]
}

test('full dead letters raise an alarm and refuse; discarded ones make room, and stay away after a kill', async (t) => {
  const running = await SluiceHttp.start(t, {
    settings: { 'deadLetters.maxBytes': '20000', 'deadLetters.maxBytesPerDevice': '20000' },
  })
  const send = await publisher(t, running)
  let kept = 0
  while (await send('dev/a/m', `broken ${kept} ${'x'.repeat(500)}`)) kept++
  assert.ok(kept > 10, `${kept} letters`)
  const full = await running.get<Status>('/status')
  assert.deepEqual(codes(full), ['dead-letters-full'])

  // What has just been sent may be on its way to the store: it is discarded all the same.
  const { status, answer } = await discard(running, 'device=a&to=now')
  assert.equal(status, 200)
  assert.deepEqual([answer.discarded, answer.applied], [kept, true])
  assert.equal(answer.freedBytes, full.books.letterBytes)
  assert.deepEqual((await running.get<Letters>('/api/v1/dead-letters')).letters, [])
  const after = await settled(running)
  assert.deepEqual(codes(after), [])
  assert.ok(after.books.letterBytes < full.books.letterBytes / 5, `${after.books.letterBytes} bytes`)
  assert.equal(after.books.rowsReceived, full.books.rowsReceived, 'a discard is no row at the door')
  assert.ok(after.sinks.every(({ balanced }) => balanced))

  assert.equal(await send('dev/b/m', 'broken'), true, 'there is room')
  await running.killAndRestart()
  const letters = await settledLetters(running, 1)
  assert.deepEqual(
    letters.map(({ device, text }) => [device, text]),
    [['b', 'broken']],
  )
  const restarted = await running.get<Status>('/status')
  assert.deepEqual(codes(restarted), [])

  const all = await discard(running, 'to=now')
  assert.equal(all.answer.discarded, 1)
  const { books } = await running.get<Status>('/status')
  // The first record has gone with its time; the second is all there is.
  assert.ok(books.letterBytes < 200, `${books.letterBytes} bytes`)
})

test('only the letters that fit are discarded, and a request that says nothing discards nothing', async (t) => {
  const running = await SluiceHttp.start(t)
  const send = await publisher(t, running)
  for (const device of ['a', 'b', 'a', 'c']) await send(`dev/${device}/m`, 'broken')
  const nothing = await discard(running, '')
  assert.equal(nothing.status, 400)
  assert.equal((await discard(running, 'code=not-allowed')).answer.discarded, 0)
  assert.equal((await discard(running, 'device=a&to=1')).answer.discarded, 0)
  assert.equal((await discard(running, 'device=a')).answer.discarded, 2)
  assert.equal((await discard(running, 'device=a')).answer.discarded, 0)
  const { letters } = await running.get<Letters>('/api/v1/dead-letters')
  assert.deepEqual(letters.map(({ device }) => device).sort(), ['b', 'c'])

  const cli = (...options: string[]) =>
    spawnSync(
      process.execPath,
      ['src/cli/main.ts', 'dead-letters', 'discard', '--url', running.url, ...options],
      {
        encoding: 'utf8',
        timeout: 20_000,
      },
    )
  const refused = cli()
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /say which letters are meant/)
  const done = cli('--to', 'now')
  assert.equal(done.status, 0, done.stderr)
  assert.match(done.stdout, /^discarded 2 letters of \d+ bytes\n$/)
  assert.deepEqual((await running.get<Letters>('/api/v1/dead-letters')).letters, [])
})

test('a device that fills its share is refused, and told by an alarm, until its letters are gone; others are not', async (t) => {
  const running = await SluiceHttp.start(t, { settings: { 'deadLetters.maxBytes': '50000' } })
  const send = await publisher(t, running)
  const bad = `broken ${'x'.repeat(500)}`
  let kept = 0
  while (await send('dev/a/m', bad)) kept++
  assert.ok(kept > 3 && kept < 10, `${kept} letters`)
  assert.deepEqual(codes(await running.get<Status>('/status')), ['dead-letters-full'])
  assert.equal(await send('dev/b/m', bad), true)
  assert.equal(await send('dev/a/m', '1'), true, 'what can be read is taken')
  assert.equal(await send('dev/a/m', bad), false)
  assert.equal((await discard(running, 'device=a')).answer.discarded, kept)
  assert.deepEqual(codes(await running.get<Status>('/status')), [])
  assert.equal(await send('dev/a/m', bad), true)
})

const codes = ({ alarms }: Status) => alarms.map(({ code }) => code)

/** Sends with MQTT 5 and tells whether it was acknowledged as taken. */
async function publisher(t: TestContext, { sluice }: SluiceHttp) {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${sluice.mqttPort}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  t.after(() => client.end(true))
  return async (topic: string, payload: string): Promise<boolean> => {
    try {
      await client.publishAsync(topic, payload, { qos: 1 })
      return true
    } catch {
      return false
    }
  }
}

async function discard(running: SluiceHttp, query: string) {
  const response = await fetch(`${running.url}/api/v1/dead-letters?${query}`, { method: 'DELETE' })
  const answer = (await response.json()) as { discarded: number; freedBytes: number; applied: boolean } // as documented
  return { status: response.status, answer }
}

/** The status once the store has been handed everything. */
async function settled(running: SluiceHttp): Promise<Status> {
  for (;;) {
    const status = await running.get<Status>('/status')
    if (status.sinks.every(({ backlog }) => backlog === 0)) return status
    await setTimeout(20)
  }
}

async function settledLetters(running: SluiceHttp, count: number): Promise<Letters['letters']> {
  for (;;) {
    const { letters } = await running.get<Letters>('/api/v1/dead-letters')
    if (letters.length >= count) return letters
    await setTimeout(20)
  }
}
