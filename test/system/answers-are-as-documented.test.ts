import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { after, before } from 'node:test'
import { z } from 'zod'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained } from '../support/sluice-status.ts'

// Every route of /openapi.json of the running program, against what it says of its answers.

type Schema = Parameters<typeof z.fromJSONSchema>[0]
interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }

let folder: string
let sluice: SluiceProcess
let url: string
let document: Document
const seen = new Set<string>()

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-openapi-'))
  sluice = await SluiceProcess.start({ data: path.join(folder, 'data') })
  url = `http://127.0.0.1:${sluice.httpPort}`
  document = (await (await fetch(`${url}/openapi.json`)).json()) as Document // what OpenAPI 3.1 says
})
after(async () => {
  await sluice.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

interface Ask {
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks, and holds the answer against the document. */
async function ask(method: string, target: string, status: number, ask: Ask = {}): Promise<unknown> {
  const what = `${method} ${target} ${status}`
  const answer = await fetch(url + target, {
    method,
    ...(ask.body === undefined ? {} : { body: ask.body, headers: { 'content-type': 'application/json' } }),
    ...(ask.headers === undefined ? {} : { headers: ask.headers }),
  })
  const text = await answer.text()
  assert.equal(answer.status, status, `${what}: ${text}`)
  const asked = target.split('?')[0] ?? ''
  // A path without parameters comes before those with them (OpenAPI 3.1 §4.8.8.2).
  const routes = Object.keys(document.paths).toSorted((a, b) => Number(b === asked) - Number(a === asked))
  const route = routes.find((one) => {
    const pattern = one.replace(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(asked)
  })
  const shown = document.paths[route ?? '']?.[method.toLowerCase()]?.responses[status]
  assert.ok(shown, `${what} is not documented`)
  seen.add(`${method.toLowerCase()} ${route}`)
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? ''
  const schema = shown.content?.[type]?.schema
  assert.ok(schema, `${what} is not documented as ${type}`)
  if (type !== 'application/json') return text
  const read = z.fromJSONSchema(schema).safeParse(JSON.parse(text))
  assert.ok(read.success, `${what}: ${read.error?.message} in ${text.slice(0, 500)}`)
  return JSON.parse(text)
}

test('every route answers as the document says, whether it goes well or not', async () => {
  const readings = '/api/v1/readings'
  const range = 'device=pump1&from=0&to=now'
  const time = '"time":"2024-01-15T10:30:00Z"'
  await ask('POST', readings, 202, { body: `{"device":"pump1",${time},"temperature":25.5,"note":"well"}` })
  await ask('POST', readings, 400, {
    body: `[{"device":"pump1",${time},"a":1},{"device":"pump1","a":1e999}]`,
  })
  await ask('POST', readings, 400, { body: '{' })
  await ask('POST', `${readings}?nonsense=1`, 400, { body: '{}' })
  await ask('POST', readings, 413, { body: ' '.repeat(5_000_000) })
  await ask('POST', readings, 413, { body: `{"device":"pump1","note":"${'x'.repeat(100_000)}"}` })
  await ask('POST', readings, 415, { body: 'x', headers: { 'content-type': 'text/plain' } })
  await drained(sluice, { rows: 3, timeoutMs: 20_000 })

  for (const form of ['ms', 'rfc3339']) {
    await ask('GET', `${readings}?${range}&time=${form}`, 200)
    await ask('GET', `${readings}?${range}&step=1m&aggregate=avg,first,worstQuality&time=${form}`, 200)
    await ask('GET', `/api/v1/devices?time=${form}`, 200)
    await ask('GET', `/api/v1/series?time=${form}`, 200)
    await ask('GET', `/api/v1/latest?time=${form}`, 200)
  }
  await ask('GET', `/api/v1/export?${range}`, 200)
  await ask('GET', `/api/v1/export?${range}&format=parquet`, 200)
  await ask('GET', '/api/v1/documents/posts', 200)
  await ask('GET', '/api/v1/dead-letters', 200)
  await ask('GET', '/api/v1/dead-letters/1', 404)
  await ask('DELETE', '/api/v1/dead-letters/1', 404)
  await ask('POST', '/api/v1/dead-letters/1/replay', 404)
  await ask('POST', '/api/v1/dead-letters/1/replay', 400, { body: '{"foo":1}' })
  await ask('POST', '/api/v1/dead-letters/replay?to=now', 200)
  await ask('GET', '/api/v1/dead-letters/export', 200)
  await ask('GET', '/api/history?topic=dev/pump1/temperature', 200)
  await ask('PATCH', `${readings}?${range}`, 200, { body: '{"quality":0}' })
  await ask('PATCH', `${readings}?${range}`, 400, { body: '{}' })
  await ask('PATCH', `${readings}?${range}`, 415, { body: '{}', headers: { 'content-type': 'text/plain' } })
  await ask('DELETE', `${readings}?${range}`, 200)
  await ask('DELETE', '/api/v1/dead-letters?to=now', 200)
  await ask('GET', '/api/v1/top?seconds=1', 200)
  const replays = '/api/v1/replays'
  await ask('POST', replays, 201, { body: '{"sink":"main","name":"again","rate":100000}' })
  await ask('POST', replays, 409, { body: '{"sink":"main","name":"again"}' })
  await ask('POST', replays, 404, { body: '{"sink":"none"}' })
  await ask('POST', replays, 400, { body: '{}' })
  await ask('GET', replays, 200)
  await ask('GET', `${replays}?a=1`, 400)
  await ask('GET', `${replays}/again`, 200)
  await ask('GET', `${replays}/none`, 404)
  await ask('DELETE', `${replays}/again`, 200)
  await ask('DELETE', `${replays}/none`, 404)
  for (const probe of ['/health', '/health/live', '/health/ready', '/metrics', '/status'])
    await ask('GET', probe, 200)

  const all = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => `${method} ${route}`),
  )
  assert.deepEqual([...seen].sort(), all.sort())
})

test('what is refused before a route is asked is documented for each of them', async () => {
  const anywhere = { '{stream}': 'posts', '{id}': '1', '{name}': 'again' }
  for (const [route, methods] of Object.entries(document.paths))
    for (const [name, { responses }] of Object.entries(methods)) {
      const target = route.replace(/\{\w+\}/, (part) => anywhere[part as keyof typeof anywhere])
      const method = name.toUpperCase()
      const isPublic = /^\/(health|metrics)/.test(route)
      assert.equal('401' in responses, !isPublic, `${method} ${route}`)
      if (isPublic) continue
      await ask(method, target, 401, { headers: { 'x-forwarded-for': '10.0.0.7' } })
      if (method !== 'GET') await ask(method, target, 403, { headers: { origin: 'http://evil.example' } })
      else assert.ok('403' in responses, `${method} ${route}`)
    }
  for (const probe of ['/health', '/health/ready'])
    assert.ok('503' in (document.paths[probe]?.['get']?.responses ?? {}))
})
