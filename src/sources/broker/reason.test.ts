import assert from 'node:assert/strict'
import test from 'node:test'
import { brokerFailure, connackReason } from './reason.ts'

test('what somebody must mend is told apart from what passes, in both versions', () => {
  const kind = (code: number) => brokerFailure('refused', connackReason(code), undefined).kind
  // MQTT 3.1.1 §3.2.2.3: version, client id, away, user or password, not allowed.
  assert.deepEqual([1, 2, 3, 4, 5].map(kind), ['stop', 'stop', 'retry', 'stop', 'stop'])
  assert.deepEqual([0x86, 0x87, 0x8e, 0x9e].map(kind), ['stop', 'stop', 'stop', 'stop'])
  assert.deepEqual([0x80, 0x88, 0x89, 0x8b, 0xff].map(kind), ['retry', 'retry', 'retry', 'retry', 'retry'])
})

test('a failure says what happened, why, and what the broker says of it, within bounds', () => {
  const { message } = brokerFailure('refused', 0x87, 'x'.repeat(5000))
  assert.match(
    message,
    /^refused: this user may not do that, or its password is wrong \(user, password\) \(0x87\); it says: x+$/,
  )
  assert.ok(message.length < 300)
})
