import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordingIntake } from '../../../../test/support/recording-intake.ts'
import { anyFilter, anyTopic, topicMatches } from '../../../../test/support/topic-matches.ts'
import { Keeper } from './keeper.ts'
import { Message } from './message.ts'
import { RetainedMessages } from './retained.ts'
import { prefixes } from './session-record.ts'

const start = 1_700_000_000_000_000

function open(limits = { maxRetainedMessages: 100, maxRetainedBytes: 100_000 }) {
  const intake = new RecordingIntake({ now: start })
  const keeper = new Keeper(intake, { maxQueuedBytes: 1, maxQueuedTotalBytes: 1 })
  return { intake, keeper, retained: new RetainedMessages(limits, keeper) }
}

function message(topic: string, payload: string, expiresAt = Number.POSITIVE_INFINITY): Message {
  const parts = { topic: Buffer.from(topic), properties: new Uint8Array(0), payload: Buffer.from(payload) }
  return new Message({ ...parts, qos: 1, expiresAt })
}

const payloadsOf = (found: Iterable<Message>) =>
  Array.from(found, ({ payload }) => Buffer.from(payload).toString()).toSorted()

test('a filter finds the last message of exactly those topics that it matches', () => {
  // An empty payload removes.
  const changes = fc.array(fc.tuple(anyTopic, fc.constantFrom('', '1', '2')), { maxLength: 40 })
  fc.assert(
    fc.property(changes, fc.array(anyFilter, { minLength: 1 }), (said, filters) => {
      const { retained } = open()
      const model = new Map<string, string>()
      for (const [topic, payload] of said) {
        retained.set(topic, message(topic, payload && `${topic} ${payload}`))
        if (payload === '') model.delete(topic)
        else model.set(topic, `${topic} ${payload}`)
      }
      for (const filter of filters) {
        const expected = [...model].filter(([topic]) => topicMatches(filter, topic)).map(([, text]) => text)
        assert.deepEqual(payloadsOf(retained.match(filter)), expected.toSorted(), filter)
      }
      assert.equal(retained.count, model.size)
      for (const topic of model.keys()) retained.set(topic, message(topic, ''))
      assert.deepEqual([retained.count, retained.bytes], [0, 0])
    }),
    { numRuns: 500 },
  )
})

test('what is retained is written once a commit, and found by the next start', () => {
  const { intake, keeper, retained } = open()
  for (const payload of ['1', '2']) retained.set('a/b', message('a/b', payload))
  retained.set('a', message('a', '3'))
  retained.set('gone', message('gone', '4'))
  retained.set('gone', message('gone', ''))
  intake.durable = () => new Promise(() => {}) // never: only what was written is looked at
  keeper.commit()
  assert.deepEqual([...intake.state.keys()].toSorted(), ['mqtt/retained/a', 'mqtt/retained/a/b'])
  const { retained: next } = open()
  next.restore([...intake.state].map(([key, record]) => [key.slice(prefixes.retained.length), record]))
  assert.deepEqual(payloadsOf(next.match('#')), ['2', '3'])
  assert.deepEqual([next.count, next.bytes], [retained.count, retained.bytes])
})

test('a message whose time is over is found no more, and a sweep lets it go', () => {
  const { intake, retained } = open()
  retained.set('short', message('short', '1', start + 5e6))
  retained.set('long', message('long', '2', start + 50e6))
  retained.set('renewed', message('renewed', '3', start + 5e6))
  retained.set('renewed', message('renewed', '4'))
  intake.now = start + 5e6
  assert.deepEqual(payloadsOf(retained.match('#')), ['2', '4'])
  assert.equal(retained.count, 3)
  retained.sweep()
  assert.equal(retained.count, 2)
  assert.deepEqual(payloadsOf(retained.match('#')), ['2', '4'])
})

test('there is room for so many topics and bytes; a topic that has one makes room for its next', () => {
  const { bytes: one } = filled(['a'])
  const { bytes: two } = filled(['a', 'b'])
  const { retained } = open({ maxRetainedMessages: 2, maxRetainedBytes: two })
  retained.set('a', message('a', '12345'))
  assert.equal(retained.bytes, one)
  assert.equal(retained.hasRoom('b', 5), true)
  assert.equal(retained.hasRoom('b', 6), false)
  retained.set('b', message('b', '12345'))
  assert.equal(retained.hasRoom('c', 0), false)
  assert.equal(retained.hasRoom('b', 5), true)
  assert.equal(retained.hasRoom('b', 6), false)
})

test('the levels of topics count too, and each of them once', () => {
  const deep = `${'x/'.repeat(127)}0`
  const { bytes } = filled([deep])
  assert.ok(bytes > 127 * 200, `${bytes}`)
  assert.ok(filled([deep, `${deep.slice(0, -1)}1`]).bytes < bytes + 1500)
  const { retained } = open({ maxRetainedMessages: 2, maxRetainedBytes: bytes })
  assert.equal(retained.hasRoom(deep, 6), false)
  assert.equal(retained.hasRoom(deep, 5), true)
  assert.equal(retained.hasRoom(`${deep}/1`, 0), false)
})

function filled(topics: readonly string[]): RetainedMessages {
  const { retained } = open()
  for (const topic of topics) retained.set(topic, message(topic, '12345'))
  return retained
}
