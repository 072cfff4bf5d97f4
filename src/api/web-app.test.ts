import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import { createServer } from './server.ts'
import { addWebApp } from './web-app.ts'

async function serve(context: TestContext, files: Record<string, string>) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-web-app-'))
  context.after(() => fs.rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await fs.writeFile(path.join(folder, name), text)
    await fs.writeFile(path.join(folder, `${name}.gz`), gzipSync(text))
  }
  const server = createServer({
    authorizer: localAuthorizer,
    hosts: [],
    origins: [],
    maxBodyBytes: 1024,
    report: () => undefined,
  })
  await addWebApp(server, folder)
  context.after(() => server.close())
  return (url: string, headers: Record<string, string> = {}) =>
    server.inject({ url, headers: { host: 'localhost', ...headers } })
}

const built = {
  'index.html': '<!doctype html><title>Sluice</title>',
  'assets/main-abc123.js': 'export {}',
  'theme.js': '//',
}

test('/ leads to the app, and every page of it is the one document', async (context) => {
  const get = await serve(context, built)
  const root = await get('/')
  assert.equal(root.statusCode, 302)
  assert.equal(root.headers.location, '/app')
  for (const page of [
    '/app',
    '/app/',
    '/app/dead-letters',
    '/app/devices/site1%2Fpump-01',
    '/app/devices/a.js',
  ]) {
    const answer = await get(page)
    assert.equal(answer.statusCode, 200, page)
    assert.equal(answer.body, built['index.html'], page)
    assert.match(String(answer.headers['content-type']), /^text\/html/)
    assert.match(String(answer.headers['cache-control']), /max-age=0/)
  }
})

test('the pages may load nothing from elsewhere, and be shown in no foreign frame', async (context) => {
  const get = await serve(context, built)
  const policy = String((await get('/app')).headers['content-security-policy'])
  assert.match(policy, /default-src 'self'/)
  assert.match(policy, /frame-ancestors 'none'/)
})

test('assets are kept for ever, and go out compressed to who can read that', async (context) => {
  const get = await serve(context, built)
  const plain = await get('/app/assets/main-abc123.js')
  assert.equal(plain.body, 'export {}')
  assert.match(String(plain.headers['content-type']), /javascript/)
  assert.match(String(plain.headers['cache-control']), /max-age=31536000.*immutable/)
  const compressed = await get('/app/assets/main-abc123.js', { 'accept-encoding': 'gzip' })
  assert.equal(compressed.headers['content-encoding'], 'gzip')
  assert.match(String(compressed.headers['content-type']), /javascript/)
})

test('an asset that is gone is 404, never the document, and nothing outside the folder is served', async (context) => {
  const get = await serve(context, built)
  for (const url of [
    '/app/assets/old.js',
    '/app/assets/../../package.json',
    '/app/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  ]) {
    const answer = await get(url)
    assert.ok(answer.statusCode >= 400 || answer.body === built['index.html'], url)
    assert.doesNotMatch(answer.body, /dependencies/)
  }
  assert.equal((await get('/app/assets/old.js')).statusCode, 404)
})

test('an app that is not built says how to build it', async (context) => {
  const get = await serve(context, {})
  const answer = await get('/app')
  assert.equal(answer.statusCode, 404)
  assert.match(answer.body, /npm run build/)
})
