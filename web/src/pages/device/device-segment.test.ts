import assert from 'node:assert/strict'
import test from 'node:test'
import { fromSegment, toSegment } from './device-segment.ts'

test('every name comes back from an address, also where browsers would take it away', () => {
  for (const device of [
    '.',
    '..',
    '...',
    '~',
    '~.',
    '~~',
    '.a',
    'pump 1',
    'a/../b',
    '100%',
    '%2e',
    '?#',
    'ü',
  ]) {
    const url = new URL(`http://h/app/devices/${encodeURIComponent(toSegment(device))}?from=1`)
    const [, , , segment = '', ...more] = url.pathname.split('/')
    assert.equal(fromSegment(decodeURIComponent(segment)), device)
    assert.deepEqual(more, [])
  }
  assert.equal(toSegment('pump1'), 'pump1')
})
