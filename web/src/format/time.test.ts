import assert from 'node:assert/strict'
import test from 'node:test'
import { formatAgo, formatMoment, formatSpan, formatTime, fromInput, toInput, zoneName } from './time.ts'

const at = Date.UTC(2024, 0, 15, 10, 30, 0) + 123.456

test('a moment is written so that it sorts as it reads, to the microsecond where the time has them', () => {
  assert.equal(formatMoment(at, 'utc', 'us'), '2024-01-15 10:30:00.123456')
  assert.equal(formatMoment(at, 'utc', 'ms'), '2024-01-15 10:30:00.123')
  assert.equal(formatMoment(at, 'utc'), '2024-01-15 10:30:00')
  assert.equal(formatTime(Math.floor(at), 'utc', 'us'), '10:30:00.123')
  assert.equal(formatTime(-0.5, 'utc', 'us'), '23:59:59.999500')
})

test('local times are those of the machine', () => {
  const date = new Date(at)
  const expected = [date.getHours(), date.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':')
  assert.ok(formatTime(at, 'local').startsWith(expected))
  assert.equal(zoneName('utc', at), 'UTC')
})

test('what an input shows is what it gives back, in either zone', () => {
  const whole = Math.floor(at / 1000) * 1000
  assert.equal(fromInput(toInput(whole, 'utc'), 'utc'), whole)
  assert.equal(fromInput(toInput(whole, 'local'), 'local'), whole)
  assert.equal(fromInput('', 'utc'), undefined)
})

test('an age is told in its largest unit, and a time ahead is now', () => {
  assert.equal(formatAgo(-5000), 'now')
  assert.equal(formatAgo(1999), 'now')
  assert.equal(formatAgo(4200), '4\u202fs ago')
  assert.equal(formatAgo(59_999), '59\u202fs ago')
  assert.equal(formatAgo(3_600_000), '1\u202fh ago')
  assert.equal(formatAgo(86_400_000 * 12), '12\u202fd ago')
  assert.equal(formatSpan(250), '250\u202fms')
  assert.equal(formatSpan(0.04), '0.04\u202fms')
})
