import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDiscard, readDiscard } from './discard.ts'

test('a discard is read as it was written, whatever its numbers', () => {
  const letters = [
    { number: 2n ** 62n + 1n, time: 2 ** 53 },
    { number: 0n, time: -1 },
    { number: 5n, time: 6, key: 'main/1/7' },
  ]
  assert.deepEqual(readDiscard(Buffer.from(encodeDiscard({ letters, principal: 'local' }))), letters)
  const before = '{"discarded":[["5",6]],"principal":"local"}'
  assert.deepEqual(readDiscard(Buffer.from(before)), [{ number: 5n, time: 6 }])
})

test('a letter is no discard, whatever its bytes say', () => {
  const letter = { code: 'undecodable', reason: '{"discarded":[["1",1]]}', bytes: '' }
  assert.equal(readDiscard(Buffer.from(JSON.stringify(letter))), undefined)
  assert.equal(readDiscard(Buffer.from('{"disc')), undefined)
})
