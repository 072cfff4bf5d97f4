import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { answering, lasting, textsOf } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

const dayMs = 86_400_000
const expiring = { properties: { messageExpiryInterval: 300 } }

/** Lets the gateway look at what is over: a session that is ends. */
async function swept(door: MqttDoor): Promise<void> {
  const ended = door.gateway.status().sessionsExpired
  const short = await RawMqttClient.connect(door.port, 5, lasting(5, 'short', 1))
  await short.leave()
  door.clock.forward(2_000)
  await until(() => door.gateway.status().sessionsExpired > ended)
}

for (const days of [30, -30]) {
  test(`a wall clock that is set by ${days} days ends no session, no message and no retained message`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    const client = await RawMqttClient.connect(door.port, 5, lasting(5, 'a'))
    await client.subscribe(['q'])
    await client.leave()
    using publisher = await RawMqttClient.connect(door.port, 5)
    await publisher.say('q', 'waits', 1, expiring)
    await publisher.say('r', 'stays', 1, { ...expiring, retain: true })
    door.clock.set(days * dayMs)
    await swept(door)
    await publisher.say('q', 'came later', 1, expiring)
    using again = await answering(door.port, 5, lasting(5, 'a'))
    assert.equal(again.connack?.sessionPresent, true)
    const waited = await again.messages(2)
    assert.deepEqual(textsOf(waited), ['waits', 'came later'])
    for (const { properties } of waited) {
      const left = properties?.messageExpiryInterval ?? 0
      assert.ok(left > 200 && left <= 300, String(left))
    }
    await again.subscribe(['r'])
    assert.deepEqual(textsOf(await again.messages(1)), ['stays'])
  })
}

test('their time still ends them after the wall clock was set back', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const client = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 600))
  await client.leave()
  using publisher = await RawMqttClient.connect(door.port, 5)
  await publisher.say('r', 'goes', 1, { ...expiring, retain: true })
  door.clock.set(-30 * dayMs)
  door.clock.forward(601_000)
  await until(
    () => door.gateway.status().sessionsExpired === 1 && door.gateway.status().retainedMessages === 0,
  )
})

test('what was written behind a jump lives as long over a restart, by the wall clock', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  door.clock.set(30 * dayMs)
  const client = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 600))
  await client.subscribe(['q'])
  await client.leave()
  using publisher = await RawMqttClient.connect(door.port, 5)
  await publisher.say('q', 'waits', 1, expiring)
  await publisher.say('r', 'stays', 1, { ...expiring, retain: true })
  await door.restart('stopped')
  await swept(door)
  using again = await answering(door.port, 5, lasting(5, 'a', 600))
  assert.equal(again.connack?.sessionPresent, true)
  await again.subscribe(['r'])
  assert.deepEqual(textsOf(await again.messages(2)), ['waits', 'stays'])
  await again.leave()
  door.clock.set(601_000)
  await door.restart('stopped')
  await until(() => door.gateway.status().sessionsExpired === 1)
})
