import assert from 'node:assert/strict'
import type { Candidate, Question } from './exam.ts'

/** Whether the server has a session of the client, which then lives as `sessionExpiryInterval` says. */
async function isPresent(
  candidate: Candidate,
  sessionExpiryInterval: number,
  leaving?: { sessionExpiryInterval: number },
): Promise<boolean | undefined> {
  const a = await candidate.connect('a', { clean: false, properties: { sessionExpiryInterval } })
  await a.leave(leaving)
  return a.connack?.sessionPresent
}

/** What depends on time that passes. */
export const questionsOfTime: readonly Question[] = [
  {
    name: 'session expiry, and what DISCONNECT makes of it',
    async ask(candidate) {
      assert.equal(await isPresent(candidate, 0), false)
      assert.equal(await isPresent(candidate, 4), false, 'a session of 0 seconds ends with its connection')
      await candidate.pass(1)
      assert.equal(await isPresent(candidate, 4), true)
      await candidate.pass(7)
      assert.equal(await isPresent(candidate, 1, { sessionExpiryInterval: 6 }), false, 'after its time')
      await candidate.pass(3)
      assert.equal(await isPresent(candidate, 1, { sessionExpiryInterval: 0 }), true, 'DISCONNECT lengthens')
      assert.equal(await isPresent(candidate, 0), false, 'DISCONNECT ends')
    },
  },
  {
    name: 'message expiry in a queue',
    async ask(candidate) {
      const topic = candidate.topic('TopicA')
      const properties = { sessionExpiryInterval: 99_999 }
      const b = await candidate.connect('b', { clean: false, properties })
      await b.subscribe([topic])
      await b.leave({ sessionExpiryInterval: 999_999 })
      const a = await candidate.connect('a')
      for (const seconds of [1, 6])
        for (const qos of [1, 2] as const)
          await a.say(topic, `${seconds}`, qos, { properties: { messageExpiryInterval: seconds } })
      await a.say(topic, 'end', 2)
      await candidate.pass(2.5)
      const again = await candidate.connect('b', { clean: false, properties })
      const messages = await again.messagesUntil('end')
      assert.deepEqual(
        messages.map(({ payload, qos }) => [payload.toString(), qos]),
        [
          ['6', 1],
          ['6', 2],
        ],
      )
      for (const message of messages) {
        const left = message.properties?.messageExpiryInterval ?? 0
        assert.ok(left > 0 && left < 6, `${left} s are left`)
      }
    },
  },
  {
    name: 'will delay, and a session that ends before it',
    async ask(candidate) {
      const topic = candidate.topic('TopicA')
      const b = await candidate.connect('b')
      await b.subscribe([topic])
      const die = async (willDelayInterval: number, sessionExpiryInterval: number) => {
        const payload = Buffer.from(`${willDelayInterval} of ${sessionExpiryInterval}`)
        const a = await candidate.connect('a', {
          properties: { sessionExpiryInterval },
          will: { topic, payload, qos: 0, retain: false, properties: { willDelayInterval } },
        })
        assert.equal(a.connack?.sessionPresent, false)
        a.destroy()
      }
      const next = async () => (await b.next('publish')).payload.toString()
      await die(3, 5)
      await candidate.pass(0.5)
      await b.say(topic, 'not yet', 1)
      assert.equal(await next(), 'not yet')
      await candidate.pass(3)
      assert.equal(await next(), '3 of 5')
      await die(5, 0)
      assert.equal(await next(), '5 of 0')
      await die(20, 2)
      await candidate.pass(2.5)
      assert.equal(await next(), '20 of 2')
    },
  },
]
