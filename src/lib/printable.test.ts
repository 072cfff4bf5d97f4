import assert from 'node:assert/strict'
import test from 'node:test'
import { printable, printableLines } from './printable.ts'

test('no character that a terminal obeys is printed, and each is shown as what it is', () => {
  assert.equal(
    printable('a\x1b]0;title\x07\r\n\tb\x7f\x9b31m\u2028\u202e'),
    'a\\u001b]0;title\\u0007\\u000d\\u000a\\u0009b\\u007f\\u009b31m\\u2028\\u202e',
  )
  assert.equal(printable('Größe 漢字 😀 a\\b'), 'Größe 漢字 😀 a\\b')
  assert.equal(printableLines('one\ntwo\x1b'), 'one\ntwo\\u001b')
})

test('JSON stays the same JSON', () => {
  const value = { 'a\x9b\u202e': ['\x1b[31m', '\x7f\n"\\'] }
  const text = printable(JSON.stringify(value))
  assert.deepEqual(JSON.parse(text), value)
  assert.doesNotMatch(text, /[\p{Cc}\u202e]/u)
})
