import assert from 'node:assert/strict'
import test from 'node:test'
import { TrafficWatch } from './traffic-watch.ts'

test('a little traffic is counted exactly', () => {
  const watch = new TrafficWatch()
  for (let i = 0; i < 300; i++) watch.count(i % 3 === 0 ? 'a' : 'b', `topic-${i % 2}`, 20)
  const { isSampled, clients, topics } = watch.report(10, [])
  assert.equal(isSampled, false)
  assert.deepEqual(clients, [
    { name: 'b', count: 200, bytes: 4000 },
    { name: 'a', count: 100, bytes: 2000 },
  ])
  assert.deepEqual(
    topics.map(({ count }) => count),
    [150, 150],
  )
})

test('of much traffic some is drawn, and topics that come in turn are told alike', () => {
  const watch = new TrafficWatch()
  const turns = 40_000
  for (let i = 0; i < turns * 16; i++) watch.count('a', `topic-${i % 16}`, 20)
  const { isSampled, clients, topics } = watch.report(100, [])
  assert.equal(isSampled, true)
  assert.equal(topics.length, 16)
  // A tenth is more than eight times the standard deviation.
  for (const { name, count } of topics) assert.ok(Math.abs(count / turns - 1) < 0.2, `${name}: ${count}`)
  assert.ok(Math.abs((clients[0]?.count ?? 0) / (turns * 16) - 1) < 0.05)
})

test('slow clients stand in the order of their patience', () => {
  const client = (clientId: string, stalledMs: number) => ({
    ...{ clientId, address: '127.0.0.1', waitingBytes: 5, stalledMs },
  })
  const { slowClients } = new TrafficWatch().report(2, [client('a', 5), client('b', 900), client('c', 40)])
  assert.deepEqual(
    slowClients.map(({ clientId }) => clientId),
    ['b', 'c'],
  )
})
