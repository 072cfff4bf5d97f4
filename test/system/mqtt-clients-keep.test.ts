import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { IClientOptions, MqttClient } from 'mqtt'
import { MqttInbox } from '../support/mqtt-inbox.ts'
import { type DoorName, doorNames, MqttProgram } from '../support/mqtt-program.ts'
import { needs } from '../support/needs.ts'
import { drained, readStatus } from '../support/sluice-status.ts'

// What the gateway keeps for clients: QoS 2, sessions, retained messages, wills, shared subscriptions. MQTT.js at every door.

const skip = needs('openssl')

let program: MqttProgram
before(async () => {
  if (skip === false) program = await MqttProgram.start()
})
after(() => program?.stop())

for (const door of doorNames) {
  for (const protocolVersion of [4, 5] as const) {
    const name = `${door}-${protocolVersion}`
    const connect = (options: IClientOptions = {}, at: DoorName = door) =>
      program.connect(at, { protocolVersion, ...options })
    /** A client whose session outlives its connection, and what it was sent since it came. */
    const persistent = (clientId: string) => {
      const lasting = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}
      return program.connectWithInbox(door, { protocolVersion, clientId, clean: false, ...lasting })
    }

    test(`${name}: QoS 2 in and out is each message once, stored and delivered`, { skip }, async () => {
      const [publisher, subscriber] = [await connect(), await connect()]
      const inbox = new MqttInbox(subscriber)
      await subscriber.subscribeAsync(`dev/two-${name}/m`, { qos: 2 })
      const values = Array.from({ length: 50 }, (_, i) => i)
      await Promise.all(
        values.map((v) =>
          publisher.publishAsync(`dev/two-${name}/m`, `{"v": ${v}, "ts": 1704067200${100 + v}}`, { qos: 2 }),
        ),
      )
      await inbox.got(values.length)
      await publisher.publishAsync(`dev/two-${name}/m`, '{"v": 99, "ts": 1704067200999}', { qos: 2 })
      await inbox.got(values.length + 1)
      assert.deepEqual(
        inbox.messages.map(({ payload, qos }) => [(JSON.parse(payload.toString()) as { v: number }).v, qos]),
        [...values, 99].map((v) => [v, 2]),
      )
      const { books } = await readStatus(program.sluice)
      await drained(program.sluice, { rows: books.rowsAccepted, timeoutMs: 20_000 })
      const path = `/api/v1/readings?device=two-${name}&metric=m&from=1704067200000&to=1704067300000`
      const { rows } = (await program.sluice.get(path)) as { rows: { value: number }[] } // as documented
      assert.deepEqual(
        rows.map(({ value }) => value),
        [...values, 99],
      )
      await end(publisher, subscriber)
    })

    test(`${name}: a session keeps what comes while its client is away, in order`, { skip }, async () => {
      const clientId = `away-${name}`
      const first = await persistent(clientId)
      await first.client.subscribeAsync(`away/${name}/#`, { qos: 2 })
      await first.client.endAsync()
      const publisher = await connect()
      for (let i = 0; i < 20; i++)
        await publisher.publishAsync(`away/${name}/${i}`, String(i), { qos: i % 2 === 0 ? 1 : 2 })
      const second = await persistent(clientId)
      const got = await second.inbox.got(20)
      // MQTT.js tells of a QoS 2 message when it is released, which is after the QoS 1 messages behind it.
      for (const qos of [1, 2])
        assert.deepEqual(
          got.filter((message) => message.qos === qos).map(({ payload }) => Number(payload.toString())),
          Array.from({ length: 10 }, (_, i) => 2 * i + qos - 1),
        )
      await end(second.client, publisher)
      await (await connect({ clientId, clean: true })).endAsync()
    })

    test(`${name}: a retained message waits for who comes later, until an empty one removes it`, {
      skip,
    }, async () => {
      const publisher = await connect()
      const topic = `kept/${name}`
      await publisher.publishAsync(topic, 'old', { qos: 1, retain: true })
      await publisher.publishAsync(topic, 'new', { qos: 1, retain: true })
      const late = await connect()
      const inbox = new MqttInbox(late)
      await late.subscribeAsync(topic, { qos: 1 })
      const [kept] = await inbox.got(1)
      assert.deepEqual([kept?.payload.toString(), kept?.retain], ['new', true])
      await publisher.publishAsync(topic, 'live', { qos: 1, retain: true })
      const [, live] = await inbox.got(2)
      assert.deepEqual([live?.payload.toString(), live?.retain], ['live', false])
      await publisher.publishAsync(topic, '', { qos: 1, retain: true })
      const later = await connect()
      const nothing = new MqttInbox(later)
      await later.subscribeAsync(`kept/${name}/#`, { qos: 1 })
      await publisher.publishAsync(`kept/${name}/last`, 'last', { qos: 1 })
      const [only] = await nothing.got(1)
      assert.equal(only?.payload.toString(), 'last')
      await end(publisher, late, later)
    })

    test(`${name}: a will is published when the connection breaks, and not after a goodbye`, {
      skip,
    }, async () => {
      const watcher = await connect()
      const inbox = new MqttInbox(watcher)
      await watcher.subscribeAsync(`wills/${name}/#`, { qos: 2 })
      const will = (word: string) => ({
        topic: `wills/${name}/${word}`,
        payload: Buffer.from(word),
        qos: 2 as const,
        retain: false,
      })
      const polite = await connect({ will: will('polite') })
      await polite.endAsync()
      const torn = await connect({ will: will('torn') })
      torn.stream.destroy()
      const [message] = await inbox.got(1)
      assert.deepEqual([message?.payload.toString(), message?.qos], ['torn', 2])
      assert.equal(inbox.messages.length, 1)
      await end(watcher, torn)
    })

    test(`${name}: members of a shared subscription get each message once, over all doors`, {
      skip,
    }, async () => {
      const members = await Promise.all(doorNames.map((at) => connect({}, at)))
      const inboxes = members.map((member) => new MqttInbox(member))
      for (const member of members)
        await member.subscribeAsync(`$share/group-${name}/work/${name}/#`, { qos: 1 })
      const publisher = await connect()
      const count = 60
      for (let i = 0; i < count; i++) await publisher.publishAsync(`work/${name}/${i}`, String(i), { qos: 1 })
      const all = () => inboxes.flatMap(({ messages }) => messages)
      while (all().length < count) await new Promise((resolve) => setTimeout(resolve, 10))
      const values = all()
        .map(({ payload }) => Number(payload.toString()))
        .sort((a, b) => a - b)
      assert.deepEqual(
        values,
        Array.from({ length: count }, (_, i) => i),
      )
      for (const { messages } of inboxes) assert.ok(messages.length > 0, 'everyone has a share')
      await end(publisher, ...members)
    })
  }
}

async function end(...clients: readonly MqttClient[]): Promise<void> {
  for (const client of clients) await client.endAsync(true)
}
