import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { BadInputProgram } from '../support/bad-input-program.ts'

// The row of docs/delivery.md on foreign web pages and rebound names, against the running program.

let program: BadInputProgram
before(async () => {
  program = await BadInputProgram.start()
})
after(() => program.stop())

const reading = '{"device_id":"exam-foreign","tag_id":"m","v":1}'
interface Foreign {
  readonly what: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
}
const post = { method: 'POST', path: '/api/v1/readings' }
const json = { 'content-type': 'application/json' }
const foreign: readonly Foreign[] = [
  { what: 'a rebound name', headers: { host: 'evil.example' }, status: 403 },
  { what: 'a rebound name with our port', headers: { host: 'evil.example:8080' }, status: 403 },
  { what: 'a name that begins like ours', headers: { host: 'localhost.evil.example' }, status: 403 },
  { what: 'an address that begins like ours', headers: { host: '127.0.0.1.evil.example' }, status: 403 },
  { what: 'a name with ours as user', headers: { host: 'localhost@evil.example' }, status: 403 },
  { what: 'every address', headers: { host: '0.0.0.0' }, status: 403 },
  { what: 'a rebound name at the documents', path: '/docs', headers: { host: 'evil.example' }, status: 403 },
  { what: 'a rebound name at /status', path: '/status', headers: { host: 'evil.example' }, status: 403 },
  {
    what: 'a rebound name where nothing is',
    path: '/nothing',
    headers: { host: 'evil.example' },
    status: 403,
  },
  { what: 'our name in capitals', headers: { host: 'LOCALHOST:1' }, status: 200 },
  { what: 'IPv6 loopback', headers: { host: '[::1]:8080' }, status: 200 },
  { what: 'a probe by any name', path: '/health/live', headers: { host: '10.0.0.7' }, status: 200 },
  { what: 'a scraper by any name', path: '/metrics', headers: { host: 'sluice.example' }, status: 200 },
  {
    what: 'a foreign page that reads (the browser keeps the answer)',
    headers: { origin: 'https://evil.example' },
    status: 200,
  },
  {
    ...post,
    what: 'a foreign page that writes',
    headers: { ...json, origin: 'https://evil.example' },
    status: 403,
  },
  {
    ...post,
    what: 'another port of this machine',
    headers: { ...json, origin: 'http://localhost:3000' },
    status: 403,
  },
  { ...post, what: 'a page without an origin', headers: { ...json, origin: 'null' }, status: 403 },
  {
    ...post,
    what: 'a cross-site request',
    headers: { ...json, 'sec-fetch-site': 'cross-site' },
    status: 403,
  },
  { ...post, what: 'a form', headers: { 'content-type': 'application/x-www-form-urlencoded' }, status: 415 },
  { ...post, what: 'plain text', headers: { 'content-type': 'text/plain' }, status: 415 },
  { ...post, what: 'no content type', headers: {}, status: 415 },
  {
    ...post,
    what: 'a request that a proxy passed on',
    headers: { ...json, 'x-forwarded-for': '10.0.0.7' },
    status: 401,
  },
  { ...post, what: 'a request with Forwarded', headers: { ...json, forwarded: 'for=10.0.0.7' }, status: 401 },
  { what: 'a read that a proxy passed on', headers: { 'x-real-ip': '10.0.0.7' }, status: 401 },
  {
    what: 'a foreign page that deletes',
    method: 'DELETE',
    path: '/api/v1/readings?device=exam-foreign&from=0&to=now',
    headers: { origin: 'https://evil.example' },
    status: 403,
  },
]

test('a foreign page and a rebound name get in nowhere, and nothing of theirs is stored', async () => {
  await program.settled() // the store opens a moment after the doors
  for (const { what, method = 'GET', path = '/api/v1/latest', headers, status } of foreign) {
    const answer = await ask(method, path, headers ?? {}, method === 'POST' ? reading : '')
    assert.equal(answer.status, status, `${what}: ${answer.text}`)
    if (status !== 200) assert.match(answer.text, /"error":\{"code":"/, what)
    assert.equal(answer.headers['access-control-allow-origin'], undefined, what)
  }
  await program.settled()
  assert.deepEqual(await program.rows('exam-foreign'), [])
})

test('a WebSocket opens for our own page and for programs, not for foreign ones', async () => {
  const { httpPort } = program.sluice
  const cases = [
    [{}, true],
    [{ origin: `http://127.0.0.1:${httpPort}` }, true],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'null' }, false],
    [{ host: 'evil.example' }, false],
    [{ host: 'evil.example', origin: 'http://evil.example' }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'x-forwarded-for': '10.0.0.7' }, false],
  ] as const
  for (const path of ['/ws', '/mqtt']) {
    for (const [headers, isOpen] of cases) {
      const socket = new WebSocket(`ws://127.0.0.1:${httpPort}${path}`, 'mqtt', { headers })
      const opened = await new Promise<boolean>((resolve) => {
        socket.on('open', () => resolve(true))
        socket.on('error', () => resolve(false))
      })
      assert.equal(opened, isOpen, `${path} ${JSON.stringify(headers)}`)
      socket.terminate()
    }
  }
})

function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ status: number; text: string; headers: http.IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { port: program.sluice.httpPort, host: '127.0.0.1', method, path, headers, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString(),
            headers: response.headers,
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
