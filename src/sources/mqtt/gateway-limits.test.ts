import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import type { ConnectOptions } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { setTimeout as wait } from 'node:timers/promises'
import type { MqttCounters } from './counters.ts'
import { limitTable } from './limit-table.ts'

type Version = 4 | 5

/** Goes beyond a bound, and says what came of it in the words of the table. */
interface Attempt {
  readonly config: Readonly<Record<string, unknown>>
  go(door: MqttDoor, version: Version): Promise<string>
}

const long = 'x'.repeat(2000)

async function publishAnswer(client: RawMqttClient, bytes: Uint8Array): Promise<string> {
  client.write(bytes)
  const packet = await client.next('puback')
  const code = packet.reasonCode ?? 0
  return code === 0 ? 'acknowledged' : `PUBACK 0x${code.toString(16).toUpperCase()}`
}

async function connackOf(
  door: MqttDoor,
  version: Version,
  clientId: string,
  more: ConnectOptions = {},
): Promise<string> {
  using client = await RawMqttClient.open(door.port, version)
  client.send({ cmd: 'connect', clientId, clean: true, keepalive: 0, ...more })
  const { reasonCode, returnCode } = await client.next('connack')
  return version === 5 ? `CONNACK 0x${(reasonCode ?? 0).toString(16)}` : `CONNACK ${returnCode}`
}

async function subackOfSecond(door: MqttDoor, version: Version, filter: string): Promise<string> {
  using client = await RawMqttClient.connect(door.port, version)
  const [first, second] = await client.subscribe(['a', filter])
  assert.ok(Number(first) < 0x80)
  return `SUBACK 0x${Number(second).toString(16)}`
}

async function lastWord(client: RawMqttClient): Promise<string> {
  await client.closed
  const last = client.packets.at(-1)
  return last?.cmd === 'disconnect'
    ? `DISCONNECT 0x${(last.reasonCode ?? 0).toString(16)}`
    : 'closed without a word'
}

const attempts: Partial<Record<keyof MqttCounters, Attempt>> = {
  tooManyFromAddress: {
    config: { maxConnectionsPerAddress: 1 },
    async go(door, version) {
      using _first = await RawMqttClient.connect(door.port, version)
      using second = await RawMqttClient.open(door.port, version)
      return await lastWord(second)
    },
  },
  tooManyConnections: {
    config: { maxConnections: 1 },
    async go(door, version) {
      using _first = await RawMqttClient.connect(door.port, version)
      using second = await RawMqttClient.open(door.port, version)
      return await lastWord(second)
    },
  },
  connectTooLate: {
    config: { connectTimeoutMs: 100 },
    async go(door, version) {
      using client = await RawMqttClient.open(door.port, version)
      return await lastWord(client)
    },
  },
  connectTooLarge: {
    config: { maxConnectBytes: 1024 },
    async go(door, version) {
      using client = await RawMqttClient.open(door.port, version)
      client.send({ cmd: 'connect', clientId: long, clean: true, keepalive: 0 })
      return await lastWord(client)
    },
  },
  clientIdTooLong: {
    config: { maxClientIdBytes: 23 },
    go: (door, version) => connackOf(door, version, long),
  },
  tooManySessions: {
    config: { maxSessions: 1 },
    async go(door, version) {
      using _first = await RawMqttClient.connect(door.port, version)
      return await connackOf(door, version, 'another')
    },
  },
  willsRefused: {
    config: { maxWillBytes: 2000 },
    go: (door, version) =>
      connackOf(door, version, 'a', {
        will: { topic: 'will', payload: Buffer.from(long), qos: 0, retain: false },
      }),
  },
  packetTooLarge: {
    config: { maxPacketBytes: 1024 },
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      client.write(client.publish('a', long))
      return await lastWord(client)
    },
  },
  packetTooLate: {
    config: { packetTimeoutMs: 1_000 },
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      const packet = client.publish('plain/x', long, 1)
      client.write(packet.subarray(0, 9))
      // The gateway looks at its clock several times a second.
      while (!client.isClosed) {
        await wait(20)
        door.clock.forward(300)
      }
      return await lastWord(client)
    },
  },
  assemblyFull: {
    config: { assemblyTotalBytes: 90 * 1024 },
    async go(door, version) {
      using oldest = await RawMqttClient.connect(door.port, version)
      using young = await RawMqttClient.connect(door.port, version)
      const packet = oldest.publish('plain/x', 'x'.repeat(60_000), 1)
      const received = () => door.gateway.status().bytesReceived
      const before = received()
      oldest.write(packet.subarray(0, 50_000))
      while (received() < before + 50_000) await wait(5)
      young.write(packet.subarray(0, 50_000))
      const answer = await lastWord(oldest)
      young.write(packet.subarray(50_000))
      assert.deepEqual(await young.acknowledged(1), [1])
      return answer
    },
  },
  topicTooDeep: {
    config: { maxTopicLevels: 3 },
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'a/b/c/d', qos: 0 }] })
      const [granted] = (await client.next('suback')).granted
      const answer = await publishAnswer(client, client.publish('a/b/c/d', 'x', 1))
      const will = { topic: 'a/b/c/d', payload: Buffer.from('x'), qos: 0 as const, retain: false }
      const refused = await connackOf(door, version, 'w', { will })
      return `${answer}; SUBACK 0x${Number(granted).toString(16)}; of a will ${refused}`
    },
  },
  topicTooLong: {
    config: {},
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      return await publishAnswer(client, client.publish(long, 'x', 1))
    },
  },
  payloadTooLarge: {
    config: {},
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      return await publishAnswer(client, client.publish('dev/d/m', '1'.repeat(70_000), 1))
    },
  },
  tooManyFilters: {
    config: { maxSubscriptionsPerConnection: 1 },
    go: (door, version) => subackOfSecond(door, version, 'b'),
  },
  subscriptionsRefused: {
    config: { maxSubscriptionBytes: 2048 },
    go: (door, version) => subackOfSecond(door, version, 'b/'.repeat(20)),
  },
  slowed: {
    config: { messagesPerSecond: 1 },
    async go(door, version) {
      using client = await RawMqttClient.connect(door.port, version)
      const ids = Array.from({ length: 40 }, (_, i) => i + 1)
      client.write(Buffer.concat(ids.map((id) => client.publish('dev/d/m', '1', id))))
      assert.deepEqual(await client.acknowledged(40), ids)
      let isRead = false
      const pong = client.ping().then(() => {
        isRead = true
      })
      // Each turn lets the gateway read, if it reads at all.
      for (let i = 0; i < 100; i++) await new Promise(setImmediate)
      assert.equal(isRead, false)
      door.clock.forward(60_000)
      await pong
      return 'it is read more slowly'
    },
  },
}

for (const { key, counter, current, old } of limitTable) {
  const attempt = attempts[counter]
  if (attempt === undefined) continue // what needs kept state, or a subscriber that does not read, is tried beside its own code
  for (const version of [4, 5] as const) {
    test(`beyond ${key} a client of MQTT level ${version} gets the answer that the table says, and ${counter} goes up`, async () => {
      await using door = await MqttDoor.open({ config: attempt.config })
      const answer = await attempt.go(door, version)
      const said = (version === 5 ? current : old === 'the same' ? current : old)
        .replace('PUBACK or PUBREC', 'PUBACK')
        .replaceAll(' after a dead letter', '')
      assert.equal(answer.toLowerCase(), said.toLowerCase())
      assert.ok(door.gateway.status()[counter] >= 1)
    })
  }
}
