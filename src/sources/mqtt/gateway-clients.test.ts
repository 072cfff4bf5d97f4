import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { needs, toolPath } from '../../../test/support/needs.ts'

const run = promisify(execFile)

function connect(door: MqttDoor, options: IClientOptions): Promise<MqttClient> {
  return connectAsync(`mqtt://127.0.0.1:${door.port}`, { reconnectPeriod: 0, ...options })
}

for (const protocolVersion of [4, 5] as const) {
  test(`the mqtt package publishes and subscribes (MQTT level ${protocolVersion})`, async () => {
    await using door = await MqttDoor.open()
    const publisher = await connect(door, { protocolVersion })
    const subscriber = await connect(door, { protocolVersion, clientId: 'screen' })
    const received = Promise.withResolvers<string>()
    subscriber.on('message', (topic, payload) => {
      if (topic === 'dev/d/999') received.resolve(payload.toString())
    })
    await subscriber.subscribeAsync('dev/+/#')
    const all = Array.from({ length: 1000 }, (_, i) =>
      publisher.publishAsync(`dev/d/${i}`, String(i), { qos: 1 }),
    )
    await Promise.all(all)
    assert.equal(door.log.values.length, 1000)
    assert.equal(await received.promise, '999')
    await publisher.endAsync()
    await subscriber.endAsync()
    while (door.gateway.status().connectionsOpen > 0) await new Promise(setImmediate)
  })
}

test('the mqtt package on MQTT 5 knows from CONNACK that QoS 2 is not offered', async () => {
  await using door = await MqttDoor.open()
  const client = await connect(door, { protocolVersion: 5 })
  const told = new Promise<number | undefined>((resolve) => {
    client.on('disconnect', ({ reasonCode }) => resolve(reasonCode))
  })
  client.publish('dev/d/m', '1', { qos: 2 }, () => {})
  assert.equal(await told, 0x9b)
  await client.endAsync(true)
})

const skip = needs('mosquitto_pub', 'mosquitto_sub')

for (const version of ['mqttv311', 'mqttv5']) {
  test(`mosquitto_pub publishes at QoS 1 (${version})`, { skip }, async () => {
    await using door = await MqttDoor.open()
    const payload = '{"value": 25.5, "quality": 192, "timestamp": "2024-01-15T10:30:00Z"}'
    const at = ['-h', '127.0.0.1', '-p', String(door.port), '-V', version]
    await run(toolPath('mosquitto_pub'), [
      ...at,
      '-q',
      '1',
      '-t',
      'dev/test-device/temperature',
      '-m',
      payload,
    ])
    assert.deepEqual(door.log.values, [25.5])
    await run(toolPath('mosquitto_pub'), [...at, '-q', '0', '-t', 'dev/test-device/temperature', '-m', '7'])
    await door.log.reached(2)
    assert.deepEqual(door.log.values, [25.5, 7])
  })

  test(`mosquitto_sub gets what is published (${version})`, { skip }, async () => {
    await using door = await MqttDoor.open()
    const at = ['-h', '127.0.0.1', '-p', String(door.port), '-V', version]
    const output = run(toolPath('mosquitto_sub'), [...at, '-q', '1', '-t', 'dev/#', '-C', '1', '-v'])
    while (door.gateway.status().subscriptions === 0) await new Promise(setImmediate)
    await run(toolPath('mosquitto_pub'), [...at, '-q', '1', '-t', 'dev/d/m', '-m', '42'])
    assert.equal((await output).stdout, 'dev/d/m 42\n')
  })
}
