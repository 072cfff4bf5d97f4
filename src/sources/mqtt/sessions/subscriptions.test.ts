import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordingIntake } from '../../../../test/support/recording-intake.ts'
import { Keeper } from './keeper.ts'
import { Session } from './session.ts'
import { parseShared } from './shared-group.ts'
import { Subscriptions } from './subscriptions.ts'

const keeper = new Keeper(new RecordingIntake(), { maxQueuedBytes: 1, maxQueuedTotalBytes: 1 })
const sessions = [1, 2].map(
  (number) => new Session(`client ${number}`, number, 5, { kind: 'local', name: 'local', roles: [] }, keeper),
)
const written = ['a/b', '$share/g/a/b', '$share/h/a/b', '+/c/#']

function open(maxSubscriptionBytes: number): Subscriptions {
  return new Subscriptions({ maxSubscriptionBytes, matchCacheBytes: 0 }, { matchesForgotten: 0 })
}

function add(subscriptions: Subscriptions, session: Session, filter: string): void {
  const shared = parseShared(filter) ?? { share: undefined, filter }
  const options = { qos: 0, noLocal: false, retainAsPublished: false, id: 0 } as const
  subscriptions.add(session, filter, { ...shared, ...options })
}

test('filters of all sessions have one room together, and give it back', () => {
  const wide = open(1 << 20)
  for (const session of sessions) for (const filter of written) add(wide, session, filter)
  const { bytes } = wide
  for (const filter of written) add(wide, sessions[0] as Session, filter)
  assert.equal(wide.bytes, bytes)
  for (const session of sessions) wide.removeAll(session)
  assert.deepEqual([wide.bytes, wide.count], [0, 0])

  const narrow = open(bytes)
  for (const session of sessions)
    for (const filter of written) {
      assert.equal(narrow.hasRoom(session, filter, parseShared(filter)?.filter ?? filter), true)
      add(narrow, session, filter)
    }
  const [one] = sessions as [Session]
  assert.equal(narrow.hasRoom(one, 'd', 'd'), false)
  assert.equal(narrow.hasRoom(one, 'a/b', 'a/b'), true)
  narrow.remove(one, '+/c/#')
  assert.equal(narrow.hasRoom(one, '+/c/#', '+/c/#'), true)
  for (const session of sessions) narrow.removeAll(session)
})
