import assert from 'node:assert/strict'
import type { IPublishPacket } from 'mqtt-packet'
import type { Question } from './exam.ts'
import { textOf } from '../../support/mqtt-sessions.ts'
import { qosOf } from './messages.ts'
import { questionsOfTime } from './version-5-time.ts'

const eachQos = [0, 1, 2] as const

/** What `client_test5.py` asks beyond what both suites do. */
export const questionsOfVersion5: readonly Question[] = [
  ...questionsOfTime,
  {
    name: 'user properties',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const topic = candidate.topic('TopicA')
      await a.subscribe([topic])
      const properties = { userProperties: { a: '2', c: '3' } }
      for (const qos of eachQos) await a.say(topic, '', qos, { properties })
      const messages = await a.messages(3)
      for (const message of messages)
        assert.deepEqual({ ...message.properties?.userProperties }, properties.userProperties)
      assert.deepEqual(qosOf(messages), [0, 1, 2])
    },
  },
  {
    name: 'payload format and content type',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const topic = candidate.topic('TopicA')
      await a.subscribe([topic])
      const properties = { payloadFormatIndicator: true, contentType: 'My name' }
      for (const qos of eachQos) await a.say(topic, '', qos, { properties })
      const messages = await a.messages(3)
      for (const message of messages) assert.deepEqual({ ...message.properties }, properties)
      assert.deepEqual(qosOf(messages), [0, 1, 2])
    },
  },
  {
    name: 'no local',
    async ask(candidate) {
      const [a, b] = [await candidate.connect('a'), await candidate.connect('b')]
      const topic = candidate.topic('TopicA')
      for (const client of [a, b]) await client.subscribe([{ topic, qos: 2, nl: true }])
      await a.say(topic, 'of a')
      await b.say(topic, 'of b')
      assert.equal(textOf(await a.next('publish')), 'of b')
      assert.equal(textOf(await b.next('publish')), 'of a')
    },
  },
  {
    name: 'retain as published',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const topic = candidate.topic('TopicA')
      await a.subscribe([{ topic, qos: 2, rap: true }])
      await a.say(topic, 'false')
      await a.say(topic, 'true', 1, { retain: true })
      for (const message of await a.messages(2)) assert.equal(String(message.retain), textOf(message))
    },
  },
  {
    name: 'retain handling',
    async ask(candidate) {
      const filter = candidate.topic('+/+')
      const publisher = await candidate.connect('b')
      for (const qos of eachQos)
        await publisher.say(candidate.topic(`Topic/${qos}`), 'retained', qos, { retain: true })
      for (const [rh, atFirst, atSecond] of [
        [1, [0, 1, 2], []],
        [2, [], []],
        [0, [0, 1, 2], [0, 1, 2]],
      ] as const) {
        const a = await candidate.connect('a')
        for (const expected of [atFirst, atSecond]) {
          await a.subscribe([{ topic: filter, qos: 2, rh }])
          await publisher.say(candidate.topic('Topic/end'), 'end', 2)
          assert.deepEqual(qosOf(await a.messagesUntil('end')), expected, `retain handling ${rh}`)
        }
        await a.leave()
      }
    },
  },
  {
    name: 'an assigned client id',
    async ask(candidate) {
      const { connack } = await candidate.connect('')
      assert.match(connack?.properties?.assignedClientIdentifier ?? '', /./)
    },
  },
  {
    name: 'subscription identifiers',
    async ask(candidate) {
      const [a, b] = [await candidate.connect('a'), await candidate.connect('b')]
      const topic = candidate.topic('TopicA')
      await a.subscribe([topic], { subscriptionIdentifier: 456_789 })
      await b.subscribe([topic], { subscriptionIdentifier: 2 })
      await b.subscribe([`${topic}/#`], { subscriptionIdentifier: 3 })
      await b.say(topic, 'sub identifier test')
      const idsOf = (message: IPublishPacket) => [message.properties?.subscriptionIdentifier].flat()
      assert.deepEqual(idsOf(await a.next('publish')), [456_789])
      await b.say(topic, 'end')
      // One message with both, or one message for each.
      assert.deepEqual(new Set((await b.messagesUntil('end')).flatMap(idsOf)), new Set([2, 3]))
    },
  },
  {
    name: 'request and response',
    async ask(candidate) {
      const [a, b] = [await candidate.connect('a'), await candidate.connect('b')]
      const topic = candidate.topic('TopicA')
      for (const client of [a, b]) await client.subscribe([{ topic, qos: 2, nl: true }])
      const asked = { responseTopic: topic, correlationData: Buffer.from('334') }
      await a.say(topic, 'request', 1, { properties: asked })
      const { properties } = await b.next('publish')
      assert.deepEqual({ ...properties }, asked)
      await b.say(properties?.responseTopic ?? '', 'response', 1, { properties: asked })
      const response = await a.next('publish')
      assert.equal(textOf(response), 'response')
      assert.deepEqual({ ...response.properties }, asked)
    },
  },
  {
    name: 'topic aliases of the client',
    async ask(candidate) {
      const topic = candidate.topic('TopicA')
      const zero = await candidate.connect('z')
      zero.write(zero.publish(topic, 'topic alias 0', 1, { properties: { topicAlias: 1 } }))
      await zero.next('puback')
      const packet = zero.publish(topic, 'topic alias 0', 2, { properties: { topicAlias: 1 } })
      packet[packet.indexOf(Buffer.of(0x23, 0, 1)) + 2] = 0 // which mqtt-packet does not write
      zero.write(packet)
      assert.ok([0x81, 0x82, 0x94].includes((await zero.next('disconnect')).reasonCode ?? 0))
      await zero.closed

      const lasting = { clean: false, properties: { sessionExpiryInterval: 99_999 } }
      const a = await candidate.connect('a', lasting)
      assert.ok((a.connack?.properties?.topicAliasMaximum ?? 0) > 0)
      await a.subscribe([topic])
      const properties = { topicAlias: 1 }
      await a.say(topic, 'topic alias 1', 1, { properties })
      await a.say('', 'topic alias 2', 1, { properties })
      assert.deepEqual(
        (await a.messages(2)).map((message) => [message.topic, textOf(message)]),
        [
          [topic, 'topic alias 1'],
          [topic, 'topic alias 2'],
        ],
      )
      await a.leave()
      // The subscription is there again, the alias is not.
      const again = await candidate.connect('a', lasting)
      await again.say(topic, 'topic alias 3')
      assert.equal(textOf(await again.next('publish')), 'topic alias 3')
      again.write(again.publish('', 'topic alias 4', 9, { properties }))
      assert.ok([0x82, 0x94].includes((await again.next('disconnect')).reasonCode ?? 0))
      await again.closed
    },
  },
  {
    name: 'topic aliases of the server',
    async ask(candidate) {
      const topic = candidate.topic('TopicA')
      const a = await candidate.connect('a', { properties: { topicAliasMaximum: 1 } })
      await a.subscribe([topic])
      for (const qos of eachQos) await a.say(topic, 'topic alias 1', qos)
      const aliased = (await a.messages(3)).map((message) => [message.topic, message.properties?.topicAlias])
      assert.deepEqual(aliased, [
        [topic, 1],
        ['', 1],
        ['', 1],
      ])
      await a.leave()
      const again = await candidate.connect('a')
      await again.subscribe([topic])
      for (const qos of eachQos) await again.say(topic, 'no topic alias', qos)
      for (const { properties } of await again.messages(3)) assert.equal(properties?.topicAlias, undefined)
    },
  },
  {
    name: 'Maximum Packet Size of the server',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const most = a.connack?.properties?.maximumPacketSize
      if (most === undefined) return
      const topic = candidate.topic('TopicA')
      const packet = a.publish(topic, Buffer.alloc(most))
      a.write(packet.subarray(0, 64 * 1024)) // its length says enough
      assert.equal((await a.next('disconnect')).reasonCode, 0x95)
      await a.closed
    },
  },
  {
    name: 'Maximum Packet Size of the client',
    async ask(candidate) {
      const maximumPacketSize = 64
      const a = await candidate.connect('a', { properties: { maximumPacketSize } })
      const topic = candidate.topic('A')
      await a.subscribe([topic])
      await a.say(topic, '.'.repeat(maximumPacketSize / 2), 0)
      assert.equal((await a.next('publish')).payload.length, maximumPacketSize / 2)
      await a.say(topic, '.'.repeat(maximumPacketSize), 1)
      await a.say(topic, 'end', 1)
      assert.deepEqual(await a.messagesUntil('end'), [])
    },
  },
  {
    name: 'Server Keep Alive',
    async ask(candidate) {
      const { connack } = await candidate.connect('a', { keepalive: 120 })
      assert.equal(connack?.properties?.serverKeepAlive, 60)
    },
  },
  {
    name: 'flow control: Receive Maximum of the client',
    async ask(candidate) {
      const a = await candidate.connectSilent('a', { properties: { receiveMaximum: 2 } })
      const topic = candidate.topic('TopicA')
      await a.subscribe([topic])
      for (const i of [1, 2, 3]) await a.say(topic, `message ${i}`, 1)
      await a.say(topic, 'end', 0) // which no window holds back
      const [first, second, ...more] = await a.messagesUntil('end')
      assert.deepEqual(more, [])
      a.send({ cmd: 'puback', messageId: first?.messageId ?? 0 })
      const third = await a.next('publish')
      assert.equal(textOf(third), 'message 3')
      for (const message of [second, third]) a.send({ cmd: 'puback', messageId: message?.messageId ?? 0 })
      await a.leave()
    },
  },
  {
    name: 'flow control: Receive Maximum of the server',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const most = a.connack?.properties?.receiveMaximum ?? 65_535
      const packets = Array.from({ length: most + 1 }, (_, i) =>
        a.publish(candidate.topic('TopicA'), `message ${i}`, i + 1, { qos: 2 }),
      )
      a.write(Buffer.concat(packets))
      assert.equal((await a.next('disconnect')).reasonCode, 0x93)
      await a.closed
    },
  },
  {
    name: 'shared subscriptions',
    async ask(candidate) {
      const [a, b] = [await candidate.connect('a'), await candidate.connect('b')]
      const [shared, plain] = [candidate.topic('x'), candidate.topic('TopicA')]
      for (const client of [a, b]) await client.subscribe([`$share/sharename/${shared}`, plain])
      const texts = ['1', '2', '3', '4']
      for (const text of texts) await b.say(plain, text, 0)
      for (const text of texts) await b.say(shared, text, 0)
      await b.say(plain, 'end', 0)
      const got = [await a.messagesUntil('end'), await b.messagesUntil('end')]
      for (const messages of got)
        assert.deepEqual(messages.filter(({ topic }) => topic === plain).map(textOf), texts)
      const once = got.flat().filter(({ topic }) => topic === shared)
      assert.deepEqual(once.map(textOf).toSorted(), texts)
    },
  },
]
