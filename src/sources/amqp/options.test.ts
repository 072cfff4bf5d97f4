import assert from 'node:assert/strict'
import test from 'node:test'
import { amqpSchema } from './options.ts'

test('files of TLS need TLS and each other', () => {
  const faults = (options: object) =>
    amqpSchema.safeParse(options).error?.issues.map(({ path }) => path.join('.')) ?? []
  const all = { caFile: 'a', certFile: 'b', keyFile: 'c' }
  assert.deepEqual(faults({ url: 'amqps://h', ...all }), [])
  assert.deepEqual(faults({ url: 'amqp://h', ...all }), ['caFile', 'certFile', 'keyFile'])
  assert.deepEqual(faults({ url: 'amqps://h', certFile: 'b' }), ['certFile'])
  assert.deepEqual(faults({ url: 'amqps://h', keyFile: 'c' }), ['keyFile'])
})
