import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRequest } from './requests.ts'

const patterns = 'expected a name or a pattern such as pump-*, or a list of them'
const id = 'expected a text of at most 64 characters, or a number'
const cursor = 'expected a live cursor, as a frame or the asOf of an answer has it'
const type = 'type: expected subscribe, unsubscribe or ping'

const faults: readonly [frame: string, fault: string][] = [
  ...['{', '', '[]', 'null', '5', '"ping"'].map((frame): [string, string] => [
    frame,
    'a frame must be a JSON object',
  ]),
  ['{}', type],
  ['{"type":"fly","id":1}', type],
  ['{"type":5}', type],
  ['{"type":"subscribe"}', `id: is missing: ${id}`],
  ['{"type":"unsubscribe","id":null}', `id: ${id}`],
  [JSON.stringify({ type: 'unsubscribe', id: 'i'.repeat(65) }), `id: ${id}`],
  ['{"type":"subscribe","id":1,"devices":5,"metrics":[]}', `devices: ${patterns}; metrics: ${patterns}`],
  ['{"type":"subscribe","id":1,"devices":["a",""]}', `devices.1: ${patterns}`],
  [JSON.stringify({ type: 'subscribe', id: 1, metrics: Array(1001).fill('a') }), `metrics: ${patterns}`],
  [JSON.stringify({ type: 'subscribe', id: 1, metrics: 'a'.repeat(1025) }), `metrics: ${patterns}`],
  ['{"type":"subscribe","id":1,"from":5}', `from: ${cursor}`],
  [JSON.stringify({ type: 'subscribe', id: 1, from: 'a'.repeat(1025) }), `from: ${cursor}`],
]

for (const [frame, fault] of faults) {
  test(`a frame of ${frame.slice(0, 60)} is answered by what would be right`, () => {
    assert.deepEqual(parseRequest(frame), { fault })
  })
}
