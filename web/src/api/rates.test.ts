import assert from 'node:assert/strict'
import test from 'node:test'
import { Rates } from './rates.ts'
import { readStatus } from './status.ts'

function status(rows: number, handed: number) {
  return readStatus({
    books: { rowsReceived: rows, messagesReceived: rows / 2 },
    sinks: [{ name: 'main', stream: 'readings', state: 'running', books: { handed } }],
  })
}

test('rates follow from one answer to the next, and the last two minutes are kept', () => {
  const rates = new Rates()
  assert.deepEqual(rates.add(0, status(1000, 900)), [])
  assert.deepEqual(rates.add(2000, status(1400, 1100)), [
    { time: 2000, rowsIn: 200, messagesIn: 100, out: { 'main/readings': 100 } },
  ])
  for (let i = 2; i < 100; i++) rates.add(i * 2000, status(1000 + i * 400, 0))
  const points = rates.add(200_000, status(100_000, 0))
  assert.equal(points[0]?.time, 82_000)
})

test('another data folder behind the same address gives no negative rate', () => {
  const rates = new Rates()
  rates.add(0, status(1000, 900))
  assert.deepEqual(rates.add(2000, status(10, 10)), [])
  assert.equal(rates.add(4000, status(30, 30))[0]?.rowsIn, 10)
})

test('a status of another age is read as far as it goes', () => {
  const { door, sinks, alarms, log } = readStatus({ alarms: [{ code: 'books-door' }], future: 1 })
  const [sink] = readStatus({ sinks: [{ name: 'main' }] }).sinks
  assert.deepEqual([sink?.balanced, sink?.difference], [true, ''])
  assert.equal(door.rowsReceived, 0)
  assert.deepEqual(sinks, [])
  assert.deepEqual(alarms, [{ code: 'books-door', message: '' }])
  assert.equal(log.state, 'unknown')
})
