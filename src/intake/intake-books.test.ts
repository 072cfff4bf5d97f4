import { encodeDiscard } from '../core/discard.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRows, gateTo, openGate, outcomeOf, turn } from '../../test/support/gate.ts'
import { openSimulatedLog } from '../../test/support/simulated-log.ts'
import type { DoorBooks } from '../core/intake.ts'

const letter = { code: 'undecodable', reason: 'no', source: 'mqtt', bytes: Buffer.from([0, 255]) } as const

test('durable() without anything added resolves: at the start, after a commit, and after a failed one', async () => {
  const { intake, storage, thread } = await openGate()
  await intake.durable()
  addRows(intake, 0, 1)
  const first = intake.durable()
  await first
  assert.equal(intake.durable(), first)
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  addRows(intake, 1, 2)
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  thread.check()
  assert.equal(await outcomeOf(intake.durable()), 'durable')
})

test('documents, keyed changes and letters are in the commit of the rows added with them', async () => {
  const { intake, log, thread, documents } = await openGate()
  const body = Buffer.from('{"a":1}')
  intake.addDocument('posts', 'k', 5, body)
  body.fill(0)
  const cursor = Buffer.from('1')
  intake.set('cursor', cursor)
  cursor.fill(0)
  intake.set('gone', undefined)
  assert.throws(() => intake.set('empty', Buffer.alloc(0)), TypeError)
  intake.reject({ ...letter, device: 'dev', topic: 't' })
  addRows(intake, 0, 1)
  await intake.durable()
  thread.check()
  assert.equal(log.status().commits, 1)
  assert.deepEqual(
    (await documents('posts')).map(({ key, body }) => [key, body]),
    [['k', '{"a":1}']],
  )
  assert.deepEqual(
    (await documents('state')).map(({ key, body }) => [key, body]),
    [
      ['cursor', '1'],
      ['gone', ''],
    ],
  )
  const [kept] = await documents('dead-letters')
  assert.equal(kept?.key, 'dev')
  assert.deepEqual(JSON.parse(kept?.body ?? ''), {
    code: 'undecodable',
    reason: 'no',
    source: 'mqtt',
    device: 'dev',
    topic: 't',
    bytes: 'AP8=',
  })
})

test('the books are those of what is in the log, and balance', async () => {
  const { intake, log, storage } = await openGate()
  addRows(intake, 0, 3)
  intake.countMessage('accepted')
  intake.reject(letter)
  intake.countMessage('deadLettered')
  intake.countMessage('refused')
  intake.countRefusedRows(2)
  intake.addDocument('posts', '', 0, Buffer.from('x'))
  // Ours, and no rows of the books.
  intake.set('k', Buffer.from('v'))
  intake.addDocument('messages', '1', 0, Buffer.from('m'))
  await intake.durable()
  assertBalanced(intake.books)
  const { letterBytes, ...counts } = intake.books
  assert.ok(letterBytes > 0)
  assert.deepEqual(counts, {
    messagesReceived: 3,
    messagesAccepted: 1,
    messagesRefused: 1,
    messagesDeadLettered: 1,
    rowsReceived: 7,
    rowsAccepted: 4,
    rowsRefused: 2,
    rowsDeadLettered: 1,
  })
  await intake.close()
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(again.log.start.books, intake.books)
})

test('a row that a sink refuses is none of the door again, whether its letter is kept or not', async () => {
  const { intake, storage } = await openGate()
  addRows(intake, 0, 2)
  intake.countMessage('accepted')
  await intake.durable()
  const { letterBytes, ...before } = intake.books
  const refused = { ...letter, source: 'main', device: 'd0', key: 'main/log/1' }
  intake.reject(refused)
  await intake.durable()
  const { letterBytes: kept, ...after } = intake.books
  assert.ok(kept > letterBytes)
  assert.deepEqual(after, before)
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  intake.reject(refused)
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  assert.deepEqual(intake.books, { ...before, letterBytes: kept })
})

test('a message that only counts is committed when somebody asks', async () => {
  const { intake, log, storage } = await openGate()
  intake.countMessage('refused')
  await intake.durable()
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.equal(again.log.start.books.messagesRefused, 1)
})

test('a failed commit moves its counts to refused, gives its names and letters back, and later ones go on', async () => {
  const { intake, log, storage, thread, rows, documents } = await openGate()
  addRows(intake, 0, 1, 'old')
  await intake.durable()
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  addRows(intake, 1, 4, 'new')
  intake.countMessage('accepted')
  intake.reject(letter)
  intake.countMessage('deadLettered')
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  assert.equal(intake.refusal(), 'disk-full')
  assertBalanced(intake.books)
  assert.equal(intake.books.messagesRefused, 2)
  assert.equal(intake.books.rowsRefused, 4)
  assert.equal(intake.books.rowsAccepted, 1)
  assert.equal(intake.books.letterBytes, 0)
  thread.check()
  assert.equal(intake.refusal(), undefined)
  addRows(intake, 5, 6, 'new')
  await intake.durable()
  assert.deepEqual(
    (await rows()).map(({ device, value }) => [device, value]),
    [
      ['old', 0],
      ['new', 5],
    ],
  )
  assert.deepEqual(await documents('dead-letters'), [])
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(again.log.start.books, intake.books)
  assert.deepEqual(
    again.log.start.names.map(({ device }) => device),
    ['old', 'new'],
  )
})

test('what is asked for behind a failing commit, sent or not, fails with it, and the books still balance', async () => {
  const { intake, thread, storage, rows } = await openGate()
  thread.isAutomatic = false
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  const outcomes: Promise<string>[] = []
  for (let i = 0; i < 4; i++) {
    addRows(intake, i, i + 1, `d${i}`)
    intake.countMessage('accepted')
    outcomes.push(outcomeOf(intake.durable()))
    await turn()
    if (i !== 1) continue
    // The third is asked for before the intake hears of it.
    thread.handle()
    thread.check()
  }
  while (intake.status.underwayBytes > 0 || intake.status.openRows > 0) {
    thread.handle()
    thread.check()
    await turn()
  }
  assert.deepEqual(await Promise.all(outcomes), ['disk-full', 'disk-full', 'disk-full', 'durable'])
  assertBalanced(intake.books)
  assert.deepEqual([intake.books.messagesRefused, intake.status.failedMessages], [3, 3])
  assert.deepEqual(
    (await rows()).map(({ device }) => device),
    ['d3'],
  )
})

test('room comes back when a commit fails too', async () => {
  const { intake, storage } = await openGate({ maxBytes: 100 })
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  addRows(intake, 0, 10)
  const durable = outcomeOf(intake.durable())
  await intake.room()
  assert.equal(await durable, 'disk-full')
})

test('dead letters are refused at their bound, and the bound holds over restarts', async () => {
  const { intake, log, storage } = await openGate()
  const big = { ...letter, bytes: Buffer.alloc(3000) }
  intake.reject(big)
  intake.reject(big)
  assert.throws(() => intake.reject(big), { code: 'undecodable', message: /dead letters are full/ })
  intake.reject(letter)
  await intake.durable()
  await log.close()
  const { intake: next } = gateTo(await openSimulatedLog({}, storage))
  assert.throws(() => next.reject(big), { code: 'undecodable' })
})

test('a discard makes room, durably, and is no row at the door; one whose commit fails gives nothing back', async () => {
  const { intake, log, storage, thread } = await openGate()
  const big = { ...letter, bytes: Buffer.alloc(3000) }
  intake.reject(big)
  intake.reject(big)
  await intake.durable()
  assert.throws(() => intake.reject(big), { code: 'undecodable' })
  assert.equal(intake.status.isLetterRefused, true)
  const full = intake.books.letterBytes
  const discard = { letters: [{ number: 0n, time: 1 }], principal: 'local' }

  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  intake.discard(discard)
  intake.giveBack(full / 2)
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  assert.equal(intake.books.letterBytes, full)

  thread.check()
  const rows = intake.books.rowsReceived
  intake.discard(discard)
  intake.giveBack(full / 2)
  assert.equal(intake.status.isLetterRefused, false)
  await intake.durable()
  assert.equal(intake.books.letterBytes, full / 2 + encodeDiscard(discard).length)
  assert.equal(intake.books.rowsReceived, rows)
  assertBalanced(intake.books)
  intake.reject(big)
  await intake.durable()
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(again.log.start.books, intake.books)
})

test('a read-only log is told as the reason', async () => {
  const { intake, storage } = await openGate()
  storage.fault = ({ operation }) => (operation === 'sync' ? { code: 'EIO' } : undefined)
  addRows(intake, 0, 1)
  assert.equal(await outcomeOf(intake.durable()), 'log-read-only')
  assert.equal(intake.refusal(), 'log-read-only')
})

function assertBalanced(books: Readonly<DoorBooks>): void {
  assert.equal(
    books.messagesReceived,
    books.messagesAccepted + books.messagesRefused + books.messagesDeadLettered,
  )
  assert.equal(books.rowsReceived, books.rowsAccepted + books.rowsRefused + books.rowsDeadLettered)
}

test('one device fills its own share of the dead letters, and takes the room of no other', async () => {
  const { intake, storage, thread } = await openGate({
    deadLetters: { maxBytes: 100_000, maxBytesPerDevice: 3_000 },
  })
  const of = (device: string | undefined, key?: string) => ({
    ...letter,
    bytes: Buffer.alloc(900), // about 1,300 in the log
    device,
    key,
  })
  const isKept = (device: string | undefined, key?: string): boolean => {
    try {
      intake.reject(of(device, key))
      return true
    } catch (error) {
      assert.match(String(error), /maxBytesPerDevice/)
      return false
    }
  }
  const fill = (device: string): number => {
    let kept = 0
    while (isKept(device)) kept++
    return kept
  }
  assert.equal(fill('a'), 2)
  assert.equal(intake.status.fullDevice, 'a')
  assert.ok(
    isKept('b') && isKept(undefined) && isKept('a', 'main/log/1'),
    'a sink’s letter is kept beyond the share',
  )
  const mark = intake.mark()
  assert.ok(isKept('b'))
  assert.equal(isKept('b'), false)
  intake.rollback(mark)
  assert.ok(isKept('b'), 'what was taken back takes no room')
  const size = intake.books.letterBytes / 6
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  thread.check()
  assert.equal(fill('a'), 2, 'nor does what came in a commit that failed')
  await intake.durable()

  intake.giveBack(size, 'a')
  assert.equal(intake.status.fullDevice, undefined)
  assert.equal(fill('a'), 1)
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  intake.giveBack(2 * size, 'a')
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  thread.check()
  assert.equal(fill('a'), 0, 'what was given back in a commit that failed is not')

  const counted = intake.recount()
  assert.ok(isKept('c'))
  counted.set([['a', 2_500]])
  counted.end()
  assert.deepEqual([fill('a'), fill('c'), fill('d')], [0, 1, 2])
})

test('a row of a device that a sink refuses is kept beyond its share, and leaves less room to its messages', async () => {
  const { intake, storage, thread } = await openGate({
    deadLetters: { maxBytes: 7_000, maxBytesPerDevice: 3_000 },
  })
  const of = (key?: string) => ({ ...letter, bytes: Buffer.alloc(900), device: 'a', key })
  let number = 0
  const keep = () => {
    const before = intake.books.letterBytes
    intake.reject(of(`main/log/${number++}`))
    return intake.books.letterBytes - before
  }
  const hasRoom = (): boolean => {
    const mark = intake.mark()
    try {
      intake.reject(of())
    } catch {
      return false
    }
    intake.rollback(mark)
    return true
  }
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  for (let i = 0; i < 3; i++) keep()
  assert.equal(intake.status.fullDevice, 'a')
  assert.equal(hasRoom(), false)
  assert.equal(await outcomeOf(intake.durable()), 'disk-full')
  thread.check()
  assert.equal(hasRoom(), true, 'what came in a commit that failed takes no room')
  const mark = intake.mark()
  for (let i = 0; i < 3; i++) keep()
  intake.rollback(mark)
  assert.equal(hasRoom(), true, 'nor does what was taken back')
  const size = keep()
  keep()
  keep()
  await intake.durable()
  assert.equal(hasRoom(), false)
  intake.giveBack(2 * size, 'a')
  assert.equal(hasRoom(), true)
  while (intake.books.letterBytes + size <= 7_000) keep()
  const counted = intake.recount()
  counted.set([['a', 7_000]])
  counted.end()
  assert.throws(keep, { code: 'undecodable' }, 'the bound of all holds for sinks too')
  assert.equal(intake.status.fullDevice, 'a', 'who fills it is told then too')
})
