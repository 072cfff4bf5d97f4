import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { until } from '../../test/support/until.ts'
import { badPlaceOf } from './bad-record.ts'
import { HttpClient } from './http-client.ts'
import { Ledger } from './ledger.ts'
import { type Plan, placeOf } from './plan.ts'

const plan: Plan = { seed: 7, devices: 1, metrics: 3, run: 'a1' }

interface Answer {
  readonly status: number
  readonly body?: object
}

/** What the server does with a request: `cut` breaks the connection without an answer. */
type Script = (lines: readonly string[], count: number) => Answer | 'cut'

test('every line is the planned record, and the ledger has every answer', async () => {
  const places: (number | undefined)[] = []
  await using server = await startServer((lines) => {
    for (const line of lines) {
      const { device, ts, ...rest } = JSON.parse(line) as {
        device: string
        ts: number
        [metric: string]: unknown
      } // as: checked by placeOf
      const [[metric, value] = ['', undefined]] = Object.entries(rest)
      places.push(placeOf(plan, device, metric, ts * 1000, Number(value))?.sequence)
    }
    return { status: 202, body: { accepted: lines.length, refused: 0 } }
  })
  const { client, ledger } = startClient(server.url, false)
  await until(() => client.acked >= 500)
  await client.finish()
  assert.deepEqual(
    places,
    places.map((_, i) => i),
  )
  const { length } = places
  assert.deepEqual(ledger.totals(), { records: length, acked: length, refused: 0, unknown: 0, sends: length })
  assert.deepEqual(client.violations, [])
})

test('what is not answered, or told to come later, goes again as it was before anything new', async () => {
  const bodies: string[] = []
  await using server = await startServer((lines, count) => {
    bodies.push(lines.join('\n'))
    if (count === 2) return 'cut'
    if (count === 3) return { status: 503 }
    return { status: 202, body: { accepted: lines.length, refused: 0 } }
  })
  const { client, ledger } = startClient(server.url, false)
  await until(() => bodies.length >= 5)
  await client.finish()
  assert.equal(bodies[2], bodies[1])
  assert.equal(bodies[3], bodies[1])
  assert.notEqual(bodies[4], bodies[1])
  const page = ledger.page(0, 0)
  assert.ok(page)
  assert.equal(page.repeats(50), 2, 'the ledger knows how often')
  assert.equal(page.repeats(0), 0)
  const { records, acked, unknown, sends } = ledger.totals()
  assert.deepEqual({ acked, unknown, sends }, { acked: records, unknown: 0, sends: records + 100 })
})

test('a bad record among the good is refused alone, by its line', async () => {
  const seen: number[] = []
  await using server = await startServer((lines) => {
    const refusals = lines.flatMap((line, i) => {
      const place = badPlaceOf(plan, line)
      if (place !== undefined) seen.push(place.sequence)
      return place === undefined ? [] : [{ line: i + 1, code: 'undecodable', reason: 'no' }]
    })
    const body = { accepted: lines.length - refusals.length, refused: refusals.length, refusals }
    return { status: refusals.length > 0 ? 400 : 202, body }
  })
  const { client, ledger, badLedger } = startClient(server.url, true)
  await until(() => client.acked > 2_200)
  await client.finish()
  assert.deepEqual(seen.slice(0, 3), [0, 1, 2])
  assert.equal(badLedger.totals().refused, seen.length)
  assert.equal(ledger.totals().refused, 0)
  assert.deepEqual(client.violations, [])
})

test('a good record that is refused, a bad one that is not, a count that is wrong and an odd status are violations', async () => {
  const answers: Answer[] = [
    { status: 400, body: { accepted: 49, refused: 1, refusals: [{ line: 4, reason: 'no' }] } },
    { status: 202, body: { accepted: 49, refused: 0 } },
    { status: 404 },
  ]
  await using server = await startServer(
    (lines, count) => answers[count - 1] ?? { status: 202, body: { accepted: lines.length, refused: 0 } },
  )
  const { client, ledger } = startClient(server.url, true)
  await until(() => client.violations.length >= 4)
  await client.finish()
  assert.match(client.violations[0] ?? '', /record 3 was refused/)
  assert.match(client.violations[1] ?? '', /50 of 50 records were not refused, 49 were accepted/)
  assert.match(client.violations[2] ?? '', /HTTP 404/)
  assert.match(client.violations[3] ?? '', /bad record \d+ was not refused/)
  assert.ok(ledger.totals().refused > 0)
})

test('a paused client sends nothing until it is resumed', async () => {
  await using server = await startServer((lines) => ({ status: 202, body: { accepted: lines.length } }))
  const { client } = startClient(server.url, false)
  await until(() => client.acked > 0)
  client.pause()
  await until(() => !client.hasSocket)
  const { acked } = client
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  assert.equal(client.acked, acked)
  client.resume()
  await until(() => client.acked > acked)
  await client.finish()
})

function startClient(url: string, withBad: boolean) {
  const ledger = new Ledger(plan)
  const badLedger = new Ledger(plan)
  const page = ledger.open(0, 0)
  const badPage = withBad ? badLedger.open(0, 0) : undefined
  const client = new HttpClient({ url, plan, page, badPage, batch: 50, answerTimeoutMs: 5_000 })
  client.start()
  return { client, ledger, badLedger }
}

async function startServer(script: Script) {
  let count = 0
  const server = http.createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    request.on('end', () => {
      const answer = script(text.split('\n'), ++count)
      if (answer === 'cut') request.socket.destroy()
      else response.writeHead(answer.status).end(JSON.stringify(answer.body ?? {}))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as: it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
