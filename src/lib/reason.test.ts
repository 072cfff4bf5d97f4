import assert from 'node:assert/strict'
import net from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { reasonOf } from './reason.ts'

test('the reason of a failed fetch is what the system said, not that it failed', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo // of a TCP server that listens
  server.close()
  await once(server, 'close')
  await assert.rejects(fetch(`http://127.0.0.1:${port}`), (error) => {
    assert.equal(reasonOf(error), `connect ECONNREFUSED 127.0.0.1:${port}`)
    return true
  })
})

test('of several addresses each reason is told once', () => {
  const all = new AggregateError([
    new Error('refused ::1'),
    new Error('refused 127.0.0.1'),
    new Error('refused ::1'),
  ])
  assert.equal(reasonOf(new TypeError('fetch failed', { cause: all })), 'refused ::1, refused 127.0.0.1')
})

test('what is no error is told as it is', () => {
  assert.equal(reasonOf('gone'), 'gone')
})
