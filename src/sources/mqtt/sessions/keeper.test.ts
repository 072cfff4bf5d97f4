import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Durable } from '../../../core/durable.ts'
import { HeldIntake, someDurable } from '../../../../test/support/held-intake.ts'
import { Keeper } from './keeper.ts'
import { Message } from './message.ts'
import { decodeMessage } from './message-record.ts'
import { RetainedMessages } from './retained.ts'
import { Session } from './session.ts'
import { decodeSession, keys } from './session-record.ts'

let durable: Durable
before(async () => {
  durable = await someDurable()
})

const kib = 1024
const local = { kind: 'local', name: 'local', roles: ['local'] } as const

function open(limits = { maxQueuedBytes: 64 * kib, maxQueuedTotalBytes: 64 * kib }) {
  const intake = new HeldIntake(durable)
  const keeper = new Keeper(intake, limits)
  const session = (clientId: string, number: number): Session => {
    const made = new Session(clientId, number, 5, local, keeper)
    made.expirySeconds = 60
    return made
  }
  return { intake, keeper, session }
}

function message(payload: string, qos: 0 | 1 | 2 = 1): Message {
  const topic = Buffer.from('t')
  const parts = { topic, properties: new Uint8Array(0), payload: Buffer.from(payload) }
  return new Message({ ...parts, qos, expiresAt: Number.POSITIVE_INFINITY })
}

test('what changed is written once a commit, as it is by then, and again after a commit that failed', async () => {
  const { intake, keeper, session } = open()
  const a = session('a', 1)
  keeper.session(a)
  a.awaySince = 5
  keeper.session(a)
  keeper.commit()
  assert.equal(intake.commits, 1)
  assert.equal(keeper.isDirty, false)
  await intake.end('fails')
  assert.equal(intake.state.size, 0)
  assert.equal(keeper.isDirty, true)
  a.awaySince = 7
  keeper.commit()
  await intake.end('succeeds')
  const record = intake.state.get(keys.session(1))
  assert.equal(record && decodeSession(record)?.awaySince, 7)
  assert.equal(keeper.isDirty, false)
  keeper.commit()
  assert.equal(intake.commits, 0, 'nothing has changed')
})

test('a session that ended while its commit failed does not come back', async () => {
  const { intake, keeper, session } = open()
  const a = session('a', 1)
  keeper.session(a)
  keeper.commit()
  await intake.end('succeeds')
  keeper.session(a)
  keeper.inFlight(a, 7)
  keeper.incoming(a)
  keeper.commit()
  keeper.ended(a)
  await intake.end('fails')
  keeper.commit()
  await intake.end('succeeds')
  assert.deepEqual([...intake.state.keys()], [])
})

test('a session that was there again before its end was on disk has nothing left of before', async () => {
  const { intake, keeper, session } = open()
  const a = session('a', 1)
  const entry = {
    message: message('x'),
    qos: 1,
    retain: false,
    ids: [],
    packetId: 300,
    state: 'sent',
  } as const
  a.outgoing.restore({ ...entry })
  a.incoming.add(5)
  keeper.session(a)
  keeper.inFlight(a, 300)
  keeper.incoming(a)
  keeper.commit()
  await intake.end('succeeds')
  assert.deepEqual(
    [...intake.state.keys()].sort(),
    [keys.incoming(1, 0), keys.inFlight(1, 2), keys.sent(1), keys.session(1)].sort(),
  )
  keeper.ended(a)
  keeper.commit()
  a.outgoing.finish(300)
  a.incoming.delete(5)
  keeper.session(a)
  await intake.end('fails')
  keeper.commit()
  await intake.end('succeeds')
  assert.deepEqual([...intake.state.keys()].sort(), [keys.sent(1), keys.session(1)].sort())
})

test('of a retained topic the last word is kept, though the commit of an earlier one fails after it was asked for', async () => {
  const { intake, keeper } = open()
  const retained = new RetainedMessages({ maxRetainedMessages: 9, maxRetainedBytes: 9999 }, keeper)
  retained.set('t', message('old'))
  keeper.commit()
  retained.set('t', message('new'))
  keeper.commit()
  await intake.end('fails')
  await intake.end('succeeds')
  keeper.commit()
  await intake.end('succeeds')
  const record = intake.state.get(keys.retained('t'))
  assert.equal(record && decodeMessage(record)?.message.payload.toString(), 'new')
  retained.set('t', message(''))
  keeper.commit()
  await intake.end('succeeds')
  assert.equal(intake.state.size, 0)
})

test('who waits for a commit hears of the next one that succeeds', async () => {
  const { intake, keeper, session } = open()
  const heard: string[] = []
  keeper.session(session('a', 1))
  keeper.afterCommit(() => heard.push('first'))
  keeper.afterCommit(() => heard.push('second'))
  await Promise.resolve()
  assert.equal(intake.commits, 1, 'one commit for both')
  await intake.end('fails')
  keeper.afterCommit(() => heard.push('third'))
  await Promise.resolve()
  assert.equal(heard.length, 0)
  await intake.end('succeeds')
  assert.deepEqual(heard, ['first', 'second', 'third'])
})

test('a message counts for each session that waits for it, its bytes once, and it is done with when the last has finished', async () => {
  const { intake, keeper, session } = open({ maxQueuedBytes: 40 * kib, maxQueuedTotalBytes: 58 * kib })
  const [a, b, c] = [session('a', 1), session('b', 2), session('c', 3)]
  const shared = message('x'.repeat(20 * kib))
  assert.ok([a, b].every((one) => keeper.hold(one, shared)))
  keeper.keep(shared, [])
  assert.equal(keeper.queuedMessages, 1)
  assert.equal(keeper.hold(a, message('y'.repeat(20 * kib))), false, 'its queue would be too long')
  const another = message('z'.repeat(35 * kib))
  assert.equal(keeper.hold(c, another), true)
  assert.equal(keeper.hold(c, message('w'.repeat(4 * kib))), false, 'too much would wait for all together')
  const [d, e] = [session('d', 4), session('e', 5)]
  assert.equal(keeper.hold(d, message('d'.repeat(20 * kib))), false, 'however empty its own queue is')
  assert.equal(
    keeper.hold(e, message('e'.repeat(10 * kib))),
    true,
    'who reads has little waiting, and is not to lose it',
  )
  keeper.release(a, shared)
  const commit = intake.durable()
  await intake.end('succeeds')
  await commit
  assert.deepEqual([...intake.messages.keys()], ['1'])
  keeper.release(b, shared)
  keeper.commit()
  await intake.end('succeeds')
  assert.deepEqual([...intake.messages.keys()], [])
  assert.equal(a.outgoing.bytes, 0)
})
