import assert from 'node:assert/strict'
import test from 'node:test'
import { cursorAt } from '../../dev/live.ts'
import { commonCursor, isWithin } from './cursor.ts'

test('a cursor is within another of the same log alone, and unknown ones are not', () => {
  assert.equal(isWithin(cursorAt(1000), cursorAt(1000)), true)
  assert.equal(isWithin(cursorAt(1001), cursorAt(1000)), false)
  const other = '00000000-0000-4000-8000-000000000000.0-zzzzzzzz'
  assert.equal(isWithin(cursorAt(1), other), false)
  assert.equal(isWithin(cursorAt(1), undefined), false)
  assert.equal(isWithin('nonsense', cursorAt(1)), false)
})

test('what several answers hold together is what the oldest of them holds, and nothing if they are of several logs', () => {
  const [early, late] = [cursorAt(1000), cursorAt(2000)]
  assert.equal(commonCursor([late, early, late]), early)
  assert.equal(commonCursor([late, '00000000-0000-4000-8000-000000000000.0-1']), undefined)
  assert.equal(commonCursor([]), undefined)
})
