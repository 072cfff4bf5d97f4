import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRows, openGate, outcomeOf, turn } from '../../test/support/gate.ts'
import { readAll } from '../../test/support/log-reading.ts'
import { openSimulatedLog } from '../../test/support/simulated-log.ts'
import { folder, range } from '../../test/support/written-log.ts'

test('all who ask in one turn share one promise and one commit, and the next turn has its own', async () => {
  const { intake, log, thread, rows } = await openGate()
  addRows(intake, 0, 2, 'a')
  const first = intake.durable()
  addRows(intake, 2, 4, 'b')
  assert.equal(intake.durable(), first)
  const durable = await first
  assert.equal(durable.position.next, 4n)
  addRows(intake, 4, 5)
  assert.notEqual(intake.durable(), first)
  await intake.durable()
  thread.check()
  assert.equal(log.status().commits, 2)
  assert.deepEqual(
    (await rows()).map(({ device }) => device),
    ['a', 'a', 'b', 'b', 'd'],
  )
})

test('rows gather while commits are under way, and go together when one is answered', async () => {
  const { intake, log, thread } = await openGate()
  thread.isAutomatic = false
  const answers: Promise<unknown>[] = []
  for (let i = 0; i < 10; i++) {
    addRows(intake, i, i + 1)
    answers.push(intake.durable())
    await turn()
  }
  assert.equal(new Set(answers).size, 3, 'two are under way, the rest waits in a third')
  thread.handle()
  await turn()
  await turn()
  thread.handle()
  await Promise.all(answers)
  thread.check()
  assert.equal(log.status().commits, 3)
})

test('a full commit goes to the log while others sync', async () => {
  const { intake, thread } = await openGate({ maxRows: 10 })
  thread.isAutomatic = false
  const answers: Promise<unknown>[] = []
  for (let i = 0; i < 6; i++) {
    addRows(intake, i * 10, i * 10 + 10)
    answers.push(intake.durable())
  }
  assert.equal(new Set(answers).size, 6)
  thread.handle()
  await Promise.all(answers)
})

test('nothing is promised before the commit is on disk', async () => {
  const { intake, thread } = await openGate()
  thread.isAutomatic = false
  addRows(intake, 0, 1)
  let isDurable = false
  const durable = intake.durable().then(() => {
    isDurable = true
  })
  for (let i = 0; i < 5; i++) await turn()
  assert.ok(!isDurable)
  thread.handle()
  await durable
})

test('names alone are committed when somebody asks', async () => {
  const { intake, log, storage } = await openGate()
  intake.series('d', 'm', 'number', 'K')
  await intake.durable()
  await intake.close()
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(again.log.start.names, [{ id: 0, device: 'd', metric: 'm', unit: 'K' }])
})

test('what was taken back leaves nothing behind: neither rows nor texts nor unusual members', async () => {
  const { intake, rows } = await openGate()
  const [number, text] = [intake.series('d', 'n', 'number'), intake.series('d', 't', 'text')]
  intake.add(number, 1, 1, 192, 0)
  intake.addExtra('{"kept":1}')
  const mark = intake.mark()
  intake.add(number, 2, 2, 192, 0)
  intake.addExtra('{"gone":1}')
  intake.addText(text, 2, 'gone', 192, 0)
  intake.rollback(mark)
  intake.addText(text, 3, 'kept', 64, 1)
  await intake.durable()
  assert.deepEqual(
    (await rows()).map(({ value, extra, quality }) => [value, extra, quality]),
    [
      [1, '{"kept":1}', 192],
      ['kept', undefined, 64],
    ],
  )
  assert.equal(intake.books.rowsReceived, 2)
})

test('documents and letters are taken back with the rows between which they were added, and their bytes too', async () => {
  const { intake, rows, documents } = await openGate()
  const body = (text: string) => Buffer.from(text)
  const reject = (device: string) =>
    intake.reject({ code: 'undecodable', reason: 'no', source: 'mqtt', device, bytes: body(device) })
  addRows(intake, 0, 2)
  reject('kept')
  intake.addDocument('posts', 'kept', 1, body('1'))
  const letterBytes = intake.books.letterBytes
  const mark = intake.mark()
  reject('gone')
  intake.rollback(mark)
  addRows(intake, 2, 3)
  const later = intake.mark()
  for (let i = 0; i < 3; i++) {
    reject('gone')
    addRows(intake, 90, 92)
    intake.addDocument('posts', 'gone', 2, body('2'))
    intake.addDocument('only', 'gone', 2, body('2'))
  }
  assert.ok(intake.books.letterBytes > letterBytes)
  intake.rollback(later)
  assert.equal(intake.mark(), later)
  assert.equal(intake.books.letterBytes, letterBytes)
  intake.addDocument('posts', 'last', 3, body('3'))
  await intake.durable()
  assert.deepEqual(
    (await rows()).map(({ value }) => value),
    [0, 1, 2],
  )
  for (const [stream, keys] of [
    ['dead-letters', ['kept']],
    ['posts', ['kept', 'last']],
    ['only', []],
  ] as const)
    assert.deepEqual(
      (await documents(stream)).map(({ key }) => key),
      keys,
    )
  const { rowsReceived, rowsAccepted, rowsDeadLettered } = intake.books
  assert.deepEqual([rowsReceived, rowsAccepted, rowsDeadLettered], [6, 5, 1])
})

for (const n of [25_000, 200_000]) {
  test(`one message of ${n} rows with texts is one commit, and the shared columns are used again`, async () => {
    const { intake, log, thread, rows } = await openGate({}, { segmentBytes: 1e9 })
    const text = intake.series('d', 't', 'text')
    for (let i = 0; i < n; i++) {
      if (i % 50 === 0) intake.addText(text, i, `x${i}`, 192, 0)
      else intake.add(text, i, i, 192, 0)
    }
    await intake.durable()
    addRows(intake, 0, 10)
    await intake.durable()
    thread.check()
    assert.equal(log.status().commits, 2)
    const all = await rows()
    assert.equal(all.length, n + 10)
    all.slice(0, n).forEach(({ value, time }, i) => {
      assert.equal(value, i % 50 === 0 ? `x${i}` : i)
      assert.equal(time, i)
    })
  })
}

test('an edit stands after the rows before it and before those after it, whatever the turn', async () => {
  const { intake, storage, log } = await openGate()
  const edit = { device: 'd', metric: undefined, from: 0, to: 9, patch: undefined }
  addRows(intake, 0, 2)
  intake.addEdit(edit)
  addRows(intake, 2, 4)
  intake.addEdit(edit)
  intake.addEdit(edit)
  addRows(intake, 4, 5)
  await intake.durable()
  const all = await readAll(storage, folder, { id: log.id, watermark: log.tail.watermark() })
  assert.deepEqual(
    all.map(({ rows, edit }) => (edit ? 'edit' : rows.map(({ value }) => value))),
    [[0, 1], 'edit', [2, 3], 'edit', 'edit', [4]],
  )
})

test('many edits in one turn take no columns each', async () => {
  const { intake } = await openGate({ maxRows: 1 << 20 })
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 100; i++) {
    intake.addEdit({ device: 'd', metric: undefined, from: 0, to: i, patch: undefined })
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 50e6)
  await intake.durable()
})

test('there is room until the budget of bytes is on its way, and again when the log has it', async () => {
  const { intake, thread } = await openGate({ maxBytes: 22 * 100 })
  thread.isAutomatic = false
  addRows(intake, 0, 99)
  assert.equal(intake.room(), undefined)
  addRows(intake, 99, 100)
  const room = intake.room()
  assert.ok(room)
  assert.equal(intake.room(), room, 'all who wait share it')
  let hasRoom = false
  const waited = room.then(() => {
    hasRoom = true
  })
  await turn()
  assert.ok(!hasRoom)
  // Nobody has called durable(): waiting for room sends the commit on its way by itself.
  thread.handle()
  await waited
  assert.equal(intake.room(), undefined)
})

test('documents, texts and keyed changes count against the budget too', async () => {
  const { intake } = await openGate({ maxBytes: 1000 })
  intake.addDocument('posts', '', 0, Buffer.alloc(1000))
  const room = intake.room()
  assert.ok(room)
  await room
  intake.set('k', Buffer.alloc(1000))
  assert.ok(intake.room())
  await intake.room()
  intake.addText(intake.series('d', 't', 'text'), 0, 'x'.repeat(1000), 192, 0)
  assert.ok(intake.room())
  await intake.room()
})

test('series limits, strictness and declared kinds hold at the gate', async () => {
  const { intake } = await openGate({
    limits: { series: 1, seriesPerDevice: 1, nameBytes: 10 },
    rules: [{ matches: (_, metric) => metric === 't', kind: 'text', unit: undefined }],
    strict: true,
  })
  assert.throws(() => intake.series('d', 'x', 'number'), { code: 'unknown-metric' })
  assert.throws(() => intake.series('d', 't', 'number'), { code: 'wrong-kind' })
  assert.throws(() => intake.series('d'.repeat(11), 't', 'text'), { code: 'invalid-name' })
  assert.equal(intake.series('d', 't', 'text'), 0)
  assert.throws(() => intake.series('e', 't', 'text'), { code: 'series-limit' })
})

test('rows of one read share the receipt time until the source ticks', async () => {
  const { intake, clock } = await openGate()
  const before = intake.now
  clock.pass(5)
  assert.equal(intake.now, before)
  intake.tick()
  assert.equal(intake.now, before + 5e6)
})

test('close commits what is open and waits for what is under way, and then refuses', async () => {
  const { intake, thread, rows } = await openGate()
  thread.isAutomatic = false
  const answers: Promise<string>[] = []
  for (let i = 0; i < 5; i++) {
    addRows(intake, i, i + 1)
    answers.push(outcomeOf(intake.durable()))
    await turn()
  }
  const closed = intake.close()
  assert.equal(intake.refusal(), 'closed')
  thread.handle()
  await closed
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['durable']))
  assert.deepEqual(
    (await rows()).map(({ value }) => value),
    range(0, 5),
  )
})

test('with linger, commits wait for more rows', async () => {
  const { intake, log, thread } = await openGate({ lingerMs: 20 })
  for (let i = 0; i < 5; i++) {
    addRows(intake, i, i + 1)
    const durable = intake.durable()
    if (i === 4) await durable
    else await turn()
  }
  thread.check()
  assert.equal(log.status().commits, 1)
})
