import assert from 'node:assert/strict'
import test from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
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
    ...{ clientId, address: '127.0.0.1', waitingBytes: 5, unacknowledged: 0, queuedBytes: 0, stalledMs },
  })
  const { slowClients } = new TrafficWatch().report(2, [client('a', 5), client('b', 900), client('c', 40)])
  assert.deepEqual(
    slowClients.map(({ clientId }) => clientId),
    ['b', 'c'],
  )
})

for (const qos of [1, 2] as const) {
  test(`a client that takes messages of QoS ${qos} and answers none is slow; one that answers is not`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    /** Those that have not answered for a minute. */
    const slow = () =>
      door.gateway
        .watch()(10)
        .slowClients.filter(({ stalledMs }) => stalledMs >= 60_000)
        .map(({ clientId, unacknowledged, waitingBytes }) => [clientId, unacknowledged, waitingBytes])
    using silent = await RawMqttClient.connect(door.port, 5, { clientId: 'silent' })
    await silent.subscribe([{ topic: 'q', qos }])
    using good = await RawMqttClient.connect(door.port, 5, { clientId: 'good' })
    good.answers = true
    await good.subscribe([{ topic: 'q', qos }])
    using publisher = await RawMqttClient.connect(door.port, 5)
    for (const text of ['one', 'two', 'three']) await publisher.say('q', text, qos)
    await silent.messages(3)
    await good.messages(3)
    await good.ping()
    if (qos === 2) for (let i = 0; i < 3; i++) await good.next('pubrel')
    await good.ping()
    assert.deepEqual(slow(), [])
    door.clock.forward(60_000)
    assert.deepEqual(slow(), [['silent', 3, 0]])
    // One answer is enough to show that it lives.
    const messageId = 1
    silent.send(qos === 1 ? { cmd: 'puback', messageId } : { cmd: 'pubrec', messageId })
    await silent.ping()
    assert.deepEqual(slow(), [])
  })
}
