import assert from 'node:assert/strict'
import type { IPublishPacket } from 'mqtt-packet'
import type { PacketOf } from '../../support/raw-mqtt-client.ts'
import type { Candidate, Question } from './exam.ts'
import { textOf } from '../../support/mqtt-sessions.ts'
import { qosOf } from './messages.ts'

/** Lets the client's session outlive its connection. */
function lasting({ version }: Candidate): Partial<PacketOf<'connect'>> {
  return version === 4 ? { clean: false } : { clean: false, properties: { sessionExpiryInterval: 99_999 } }
}

/** What both suites ask, of MQTT 3.1.1 and of MQTT 5. */
export const questionsOfBothVersions: readonly Question[] = [
  {
    name: 'basic: messages of each QoS come back; a second CONNECT and another protocol end the connection',
    async ask(candidate) {
      await (await candidate.connect('a')).leave()
      const a = await candidate.connect('a')
      assert.equal(a.connack?.sessionPresent, false)
      const topic = candidate.topic('TopicA')
      await a.subscribe([topic])
      for (const qos of [0, 1, 2] as const) await a.say(topic, `qos ${qos}`, qos)
      assert.deepEqual(qosOf(await a.messages(3)), [0, 1, 2])
      a.send({ cmd: 'connect', clientId: 'a', clean: true, keepalive: 0 })
      await a.closed

      const other = await candidate.open()
      const connect = other.encode({ cmd: 'connect', clientId: 'a', clean: true, keepalive: 0 })
      connect.write('hjhj', connect.indexOf('MQTT'))
      other.write(connect)
      await other.closed
    },
  },
  {
    name: 'retained messages',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const isOld = candidate.version === 4
      const more = isOld ? {} : { properties: { userProperties: { a: '2', c: '3' } } }
      for (const qos of [0, 1, 2] as const)
        await a.say(candidate.topic(`Topic/${qos}`), `qos ${qos}`, qos, { retain: true, ...more })
      await a.subscribe([candidate.topic('+/+')])
      const messages = await a.messages(3)
      assert.deepEqual(qosOf(messages), [0, 1, 2])
      for (const { retain, properties } of messages) {
        assert.equal(retain, true)
        if (!isOld) assert.deepEqual({ ...properties?.userProperties }, { a: '2', c: '3' })
      }
      for (const qos of [0, 1, 2] as const)
        await a.say(candidate.topic(`Topic/${qos}`), '', qos, { retain: true })
      await a.messages(3)
      await a.leave()

      const again = await candidate.connect('a')
      await again.subscribe([candidate.topic('+/+')])
      await again.say(candidate.topic('Topic/end'), 'end', 2)
      assert.deepEqual(await again.messagesUntil('end'), [])
    },
  },
  {
    name: 'will message',
    async ask(candidate) {
      const topic = candidate.topic('Topic/C')
      const userProperties = { a: '2', c: '3' }
      const a = await candidate.connect('a', {
        will: {
          topic,
          payload: Buffer.from('will message'),
          qos: 0,
          retain: false,
          ...(candidate.version === 4 ? {} : { properties: { willDelayInterval: 0, userProperties } }),
        },
      })
      const b = await candidate.connect('b', lasting(candidate))
      await b.subscribe([topic])
      a.destroy()
      const will = await b.next('publish')
      assert.equal(textOf(will), 'will message')
      if (candidate.version === 5) assert.deepEqual({ ...will.properties?.userProperties }, userProperties)
      await b.leave()
    },
  },
  {
    name: 'a client id of no length',
    async ask(candidate) {
      const unclean = await candidate.open()
      const connect = unclean.encode({ cmd: 'connect', clientId: '', clean: true, keepalive: 0 })
      connect[connect.indexOf('MQTT') + 5] = 0 // which mqtt-packet does not write
      unclean.write(connect)
      const { returnCode, reasonCode } = await unclean.next('connack')
      if (candidate.version === 4) {
        assert.equal(returnCode, 2)
        await unclean.closed
      } else assert.equal(reasonCode, 0)
      const taken = await candidate.connect('')
      assert.equal(taken.connack?.returnCode ?? taken.connack?.reasonCode, 0)
      await taken.leave()
    },
  },
  {
    name: 'messages are queued for a client that is away',
    async ask(candidate) {
      const a = await candidate.connect('a', lasting(candidate))
      await a.subscribe([candidate.topic('+/+')])
      await a.leave()
      const b = await candidate.connect('b')
      assert.equal(b.connack?.sessionPresent, false)
      for (const qos of [0, 1, 2] as const) await b.say(candidate.topic(`Topic/${qos}`), `qos ${qos}`, qos)
      await b.say(candidate.topic('Topic/end'), 'end', 2)
      await b.leave()
      const again = await candidate.connect('a', lasting(candidate))
      assert.equal(again.connack?.sessionPresent, true)
      const queued = (await again.messagesUntil('end')).map(textOf)
      // Whether QoS 0 waits is left to the server (MQTT-3.1.2-5).
      assert.deepEqual(
        queued.filter((text) => text !== 'qos 0'),
        ['qos 1', 'qos 2'],
      )
      await again.leave()
      await (await candidate.connect('a')).leave()
    },
  },
  {
    name: 'overlapping subscriptions',
    async ask(candidate) {
      const a = await candidate.connect('a')
      const [all, one] = [candidate.topic('TopicA/#'), candidate.topic('TopicA/+')]
      await a.subscribe([
        { topic: all, qos: 2 },
        { topic: one, qos: 1 },
      ])
      await a.say(candidate.topic('TopicA/C'), 'overlapping topic filters', 2)
      await a.say(candidate.topic('TopicA/C'), 'end', 2)
      const qos = qosOf(await a.messagesUntil('end'))
      assert.deepEqual(qos, qos.length === 1 ? [2] : [1, 2])
    },
  },
  {
    name: 'keep-alive: a silent client is cut off, and its will published',
    async ask(candidate) {
      const topic = candidate.topic('/TopicA')
      const b = await candidate.connect('b')
      await b.subscribe([topic])
      const will = { topic, payload: Buffer.from('keepalive expiry'), qos: 0, retain: false } as const
      const a = await candidate.connect('a', { keepalive: 1, will })
      await candidate.pass(2)
      assert.equal(textOf(await b.next('publish')), 'keepalive expiry')
      await a.closed
    },
  },
  {
    name: 'redelivery on reconnect: what was not answered comes again, marked, under its packet id',
    async ask(candidate) {
      const before = await candidate.connectSilent('b', lasting(candidate))
      await before.subscribe([candidate.topic('TopicA/#')])
      await before.say(candidate.topic('TopicA/B'), 'one', 1)
      await before.say(candidate.topic('TopicA/C'), 'two', 2)
      const first = await before.messages(2)
      await before.leave()
      const b = await candidate.connect('b', lasting(candidate))
      assert.equal(b.connack?.sessionPresent, true)
      await b.say(candidate.topic('TopicA/C'), 'end', 2)
      const again = await b.messagesUntil('end')
      const short = ({ topic, qos, messageId, payload }: IPublishPacket) =>
        ({ topic, qos, messageId, text: payload.toString() }) as const
      assert.deepEqual(again.map(short), first.map(short))
      assert.deepEqual(
        again.map(({ dup }) => dup),
        [true, true],
      )
      await b.leave()
      await (await candidate.connect('b')).leave()
    },
  },
  {
    name: 'a subscription that is refused',
    async ask(candidate) {
      const a = await candidate.connect('a')
      assert.deepEqual(await a.subscribe(['test/nosubscribe']), [0x80])
    },
  },
  {
    name: 'wildcards at the front match no topic that begins with $',
    async ask(candidate) {
      const b = await candidate.connect('b')
      await b.subscribe(['+/+', candidate.topic('end')])
      await b.say('$TopicA/B', 'not for +/+', 1)
      await b.say(candidate.topic('end'), 'end', 1)
      const topics = (await b.messagesUntil('end')).map(({ topic }) => topic)
      assert.deepEqual(
        topics.filter((topic) => topic.startsWith('$')),
        [],
      )
    },
  },
  {
    name: 'unsubscribe',
    async ask(candidate) {
      const b = await candidate.connect('b')
      const topics = ['TopicA', 'TopicA/B', 'Topic/C'].map((name) => candidate.topic(name))
      for (const topic of topics) await b.subscribe([topic])
      await b.unsubscribe(topics[0] as string) // of three
      const a = await candidate.connect('a')
      for (const topic of topics) await a.say(topic, 'message')
      await a.say(topics[2] as string, 'end')
      assert.deepEqual(
        (await b.messagesUntil('end')).map(({ topic }) => topic),
        topics.slice(1),
      )
    },
  },
]
