import assert from 'node:assert/strict'
import http from 'node:http'
import { once } from 'node:events'
import net from 'node:net'
import test from 'node:test'
import zlib from 'node:zlib'
import { Reading, ReadingBatch } from '../../../proto/generated/sluice/v1/reading.ts'
import { decodeCursor } from '../../core/position.ts'
import { HttpDoor } from '../../../test/support/http-door.ts'

const ndjson = { 'content-type': 'application/x-ndjson' }
const reading = (device: string, v: number) =>
  JSON.stringify({ device_id: device, tag_id: 'temp', v, ts: 1_705_314_600_000 })

test('an object, an array and lines are taken and answered with 202, their count and a cursor', async () => {
  await using door = await HttpDoor.open()
  const one = await door.post(reading('a', 1))
  assert.equal(one.status, 202)
  assert.deepEqual({ ...one.answer, cursor: undefined }, { accepted: 1, refused: 0, cursor: undefined })
  const array = await door.post(`[${reading('a', 2)}, ${reading('b', 3)}]`)
  assert.deepEqual([array.status, array.answer.accepted], [202, 2])
  const lines = await door.post(`${reading('a', 4)}\n\n  \r\n${reading('b', 5)}\r\n`, ndjson)
  assert.deepEqual([lines.status, lines.answer.accepted], [202, 2])
  assert.deepEqual(door.log.values, [1, 2, 3, 4, 5])

  const [position] = decodeCursor(lines.answer.cursor ?? '') ?? []
  assert.equal(position?.log, door.log.id)
  assert.equal(position?.next, door.log.status().next)
  assert.deepEqual(door.counters, { accepted: 3, refused: 0, turnedAway: 0 })
  const { messagesAccepted, rowsAccepted, rowsReceived } = door.intake.books
  assert.deepEqual([messagesAccepted, rowsAccepted, rowsReceived], [3, 5, 5])
})

test('protobuf is taken by its content type, a single reading and a batch, packed too', async () => {
  await using door = await HttpDoor.open()
  const made = (device: string, value: number): Reading => ({
    ...{ device, metric: 'temp', unit: '', quality: undefined, values: [] },
    time: { $case: 'timeMs', timeMs: 1_705_314_600_000n },
    value: { $case: 'number', number: value },
  })
  const batch = (...readings: Reading[]) => new Uint8Array(ReadingBatch.encode({ readings }).finish())
  const type = { 'content-type': 'application/x-protobuf' }
  const one = await door.post(new Uint8Array(Reading.encode(made('', 1)).finish()), type, '?device=a')
  assert.deepEqual([one.status, one.answer.accepted], [202, 1])
  const packed = new Uint8Array(zlib.gzipSync(batch(made('a', 2), made('b', 3))))
  const several = await door.post(packed, { ...type, 'content-encoding': 'gzip' })
  assert.deepEqual([several.status, several.answer.accepted], [202, 2])
  const mixed = await door.post(batch(made('a', 4), made('', 5), made('a', 6)), {
    'content-type': 'application/vnd.google.protobuf; proto=sluice.v1.ReadingBatch',
  })
  assert.deepEqual([mixed.status, mixed.answer.accepted, mixed.answer.refused], [400, 2, 1])
  assert.deepEqual(
    mixed.answer.refusals?.map(({ index, field, code }) => [index, field, code]),
    [[1, 'device', 'missing-field']],
  )
  assert.deepEqual(door.log.values, [1, 2, 3, 4, 6])
  const other = await door.post(batch(made('a', 7)), { 'content-type': 'application/x-protobuf; proto=a.B' })
  assert.deepEqual([other.status, other.answer.error?.code], [415, 'unsupported-media'])
})

test('nothing is acknowledged before its commit is durable', async () => {
  await using door = await HttpDoor.open()
  door.log.hold()
  let isAnswered = false
  const posted = door.post(reading('a', 1)).then((answer) => {
    isAnswered = true
    return answer
  })
  await door.log.reached(1)
  // The server answers everything else meanwhile, so the answer had its chance.
  assert.equal((await door.post('x')).status, 400)
  assert.equal(isAnswered, false)
  door.log.letGo()
  assert.equal((await posted).status, 202)
})

test('a commit that fails is no acknowledgement', async () => {
  await using door = await HttpDoor.open()
  door.log.failure = new Error('the disk is gone')
  const { status, answer } = await door.post(reading('a', 1))
  assert.equal(status, 500)
  assert.equal(answer.error?.code, 'internal')
  assert.equal(door.reports.length, 1)
  assert.deepEqual(door.counters, { accepted: 0, refused: 1, turnedAway: 0 })
  const { messagesReceived, messagesRefused, rowsRefused } = door.intake.books
  assert.deepEqual([messagesReceived, messagesRefused, rowsRefused], [1, 1, 1])
})

test('?device names the device where the body does not', async () => {
  await using door = await HttpDoor.open()
  const { status } = await door.post('{"temp":21.5,"ok":true}', {}, '?device=pump%201')
  assert.equal(status, 202)
  assert.deepEqual(door.log.values, [21.5, 1])
  const nameless = await door.post('{"temp":21.5}')
  assert.equal(nameless.status, 400)
  assert.equal(nameless.answer.refusals?.[0]?.code, 'missing-field')
  for (const query of ['?device=a&device=b', '?device=', '?devise=a']) {
    const wrong = await door.post('{"temp":1}', {}, query)
    assert.deepEqual([wrong.status, wrong.answer.error?.code], [400, 'bad-request'])
  }
})

test('of an array with bad records the good ones are kept, and each bad one is named by index, field and reason', async () => {
  await using door = await HttpDoor.open()
  const bad = '{"device_id":"a","tag_id":"temp","v":{"deep":[1]},"ts":"yesterday"}'
  const { status, answer } = await door.post(`[${reading('a', 1)},${bad},${reading('a', 2)},7]`)
  assert.equal(status, 400)
  assert.deepEqual([answer.accepted, answer.refused], [2, 2])
  assert.deepEqual(
    answer.refusals?.map(({ index }) => index),
    [1, 3],
  )
  assert.ok(answer.refusals?.every(({ reason, code }) => reason !== '' && code !== ''))
  assert.ok(answer.refusals?.[0]?.field)
  assert.ok(answer.cursor)
  assert.match(answer.error?.message ?? '', /record 1/)
  assert.deepEqual(door.log.values, [1, 2])
  const { rowsAccepted, rowsRefused, rowsReceived, rowsDeadLettered } = door.intake.books
  assert.deepEqual([rowsAccepted, rowsRefused, rowsReceived, rowsDeadLettered], [2, 2, 4, 0])
  assert.deepEqual(door.log.documents, [], 'HTTP refusals make no dead letters')
})

test('of lines each is judged alone and named by its line', async () => {
  await using door = await HttpDoor.open()
  const body = [reading('a', 1), '{"device_id":', '', `[${reading('a', 2)},3]`, reading('a', 4)].join('\n')
  const { status, answer } = await door.post(body, ndjson)
  assert.equal(status, 400)
  assert.deepEqual([answer.accepted, answer.refused], [3, 2])
  assert.deepEqual(
    answer.refusals?.map(({ line, index }) => [line, index]),
    [
      [2, undefined],
      [4, 1],
    ],
  )
  assert.deepEqual(door.log.values, [1, 2, 4])
})

test('an answer lists no more than a hundred refusals, and counts them all', async () => {
  await using door = await HttpDoor.open()
  const { answer } = await door.post(`${'x\n'.repeat(250)}${reading('a', 1)}`, ndjson)
  assert.deepEqual([answer.accepted, answer.refused, answer.refusals?.length], [1, 250, 100])
})

test('a body that is refused whole is counted in the books without anybody waiting', async () => {
  await using door = await HttpDoor.open()
  for (const body of ['{"device_id"', '[1,2]', '7', 'null', '{}', '\0', '[', '"text"']) {
    const { status, answer } = await door.post(body)
    assert.equal(status, 400, body)
    assert.deepEqual([answer.accepted, answer.cursor], [0, undefined])
  }
  assert.equal(door.counters.refused, 8)
  await door.post(reading('a', 1))
  const { messagesReceived, messagesRefused, messagesAccepted, rowsReceived, rowsRefused } = door.intake.books
  assert.deepEqual([messagesReceived, messagesRefused, messagesAccepted], [9, 8, 1])
  assert.equal(rowsReceived, rowsRefused + 1)
})

test('a message that is refused unread counts as one refused message of one record, whatever is wrong with it', async () => {
  await using door = await HttpDoor.open({ limits: { batchBytes: 1_000 } })
  const gzip = { 'content-encoding': 'gzip' }
  const refusals: readonly [status: number, ...Parameters<typeof door.post>][] = [
    [400, ''],
    [400, 'no gzip', gzip],
    [413, ' '.repeat(1_001)],
    [413, Uint8Array.from(zlib.gzipSync(Buffer.alloc(2_000))), gzip],
    [415, reading('a', 1), { 'content-type': 'text/csv' }],
    [415, reading('a', 1), { 'content-encoding': 'br' }],
    [400, reading('a', 1), {}, '?devise=a'],
  ]
  for (const [i, [status, ...body]] of refusals.entries()) {
    assert.equal((await door.post(...body)).status, status, `case ${i}`)
    assert.deepEqual(door.counters, { accepted: 0, refused: i + 1, turnedAway: 0 }, `case ${i}`)
  }
  await door.post(reading('a', 1))
  const { books } = door.intake
  assert.deepEqual(
    [books.messagesReceived, books.messagesRefused, books.rowsReceived, books.rowsRefused],
    [refusals.length + 1, refusals.length, refusals.length + 1, refusals.length],
  )
})

test('an empty array is no fault, an empty body is', async () => {
  await using door = await HttpDoor.open()
  const array = await door.post('[]')
  assert.deepEqual([array.status, array.answer.accepted, array.answer.refused], [202, 0, 0])
  assert.ok(array.answer.cursor)
  const none = await door.post('')
  assert.deepEqual([none.status, none.answer.error?.code], [400, 'undecodable'])
})

test('a packed body is taken, a damaged one refused', async () => {
  await using door = await HttpDoor.open()
  const body = `[${reading('a', 1)},${reading('a', 2)}]`
  const packed = { gzip: zlib.gzipSync(body), zstd: zlib.zstdCompressSync(body) }
  for (const [encoding, bytes] of Object.entries(packed)) {
    const whole = await door.post(Uint8Array.from(bytes), { 'content-encoding': encoding })
    assert.deepEqual([whole.status, whole.answer.accepted], [202, 2], encoding)
    const torn = await door.post(Uint8Array.from(bytes.subarray(0, -5)), { 'content-encoding': encoding })
    assert.deepEqual([torn.status, torn.answer.error?.code], [400, 'undecodable'], encoding)
    const none = await door.post(body, { 'content-encoding': encoding })
    assert.deepEqual([none.status, none.answer.error?.code], [400, 'undecodable'], encoding)
  }
  const other = await door.post(Uint8Array.from(zlib.brotliCompressSync(body)), { 'content-encoding': 'br' })
  assert.deepEqual([other.status, other.answer.error?.code], [415, 'unsupported-media'])
  assert.deepEqual(door.log.values, [1, 2, 1, 2])
})

test('a packed body that grows beyond the limit is stopped while it grows', async () => {
  await using door = await HttpDoor.open()
  const zeros = Buffer.alloc(300 * 1024 * 1024)
  const bombs = {
    gzip: zlib.gzipSync(zeros),
    zstd: zlib.zstdCompressSync(zeros),
  }
  const before = process.memoryUsage().arrayBuffers
  for (const [encoding, bytes] of Object.entries(bombs)) {
    assert.ok(bytes.length < 1024 * 1024)
    const { status, answer } = await door.post(Uint8Array.from(bytes), { 'content-encoding': encoding })
    assert.deepEqual([status, answer.error?.code], [413, 'too-large'], encoding)
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
  const wide = zlib.zstdCompressSync(zeros, { params: { [zlib.constants.ZSTD_c_windowLog]: 27 } })
  const { status, answer } = await door.post(Uint8Array.from(wide), { 'content-encoding': 'zstd' })
  assert.deepEqual([status, answer.error?.code], [413, 'too-large'])
})

test('a body over the limit is refused and its sender hears so, announced or not', async () => {
  await using door = await HttpDoor.open({ limits: { batchBytes: 100_000 } })
  const body = `[${Array.from({ length: 40_000 }, (_, i) => reading('a', i)).join()}]`
  const announced = await door.post(body)
  assert.deepEqual([announced.status, announced.answer.error?.code], [413, 'too-large'])
  assert.match(announced.answer.error?.message ?? '', /limits\.batchBytes/)

  const request = http.request({
    port: door.port,
    method: 'POST',
    path: '/api/v1/readings',
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
  })
  request.on('error', () => {})
  const answered = once(request, 'response')
  request.end(body)
  const [response] = (await answered) as [http.IncomingMessage] // what node:http documents
  assert.equal(response.statusCode, 413)
  response.resume()
  assert.deepEqual(door.log.values, [])
  assert.deepEqual(door.counters, { accepted: 0, refused: 2, turnedAway: 0 })
})

test('one record over its own limit is 413, within an array it is one refusal', async () => {
  await using door = await HttpDoor.open({ limits: { payloadBytes: 1_000 } })
  const large = JSON.stringify({ device_id: 'a', tag_id: 'note', v: 'x'.repeat(2_000) })
  const one = await door.post(large)
  assert.deepEqual([one.status, one.answer.error?.code], [413, 'too-large'])
  assert.match(one.answer.error?.message ?? '', /limits\.payloadBytes/)
  const many = await door.post(`[${large},${reading('a', 1)}]`)
  assert.deepEqual(
    [many.status, many.answer.accepted, many.answer.refusals?.[0]?.code],
    [400, 1, 'too-large'],
  )
})

test('other content types are refused', async () => {
  await using door = await HttpDoor.open()
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'nonsense',
    'multipart/form-data; boundary=x',
  ]) {
    const { status, answer } = await door.post(reading('a', 1), { 'content-type': type })
    assert.deepEqual([status, answer.error?.code], [415, 'unsupported-media'], type)
  }
  const response = await fetch(`${door.url}/api/v1/readings`, { method: 'POST' })
  assert.equal(response.status, 415)
  for (const type of [
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/x-ndjson; charset=utf-8',
  ])
    assert.equal((await door.post(reading('a', 1), { 'content-type': type })).status, 202, type)
})

test('while the intake is full senders wait, then are told to come again', async () => {
  await using door = await HttpDoor.open({ maxIntakeBytes: 20 })
  door.log.hold()
  const first = door.post(reading('a', 1))
  await door.log.reached(1)
  const second = await door.post(reading('a', 2))
  assert.deepEqual(
    [second.status, second.answer.error?.code, second.headers.get('retry-after')],
    [503, 'busy', '1'],
  )
  // A sender that waits gets in as soon as there is room.
  const third = door.post(reading('a', 3))
  door.log.letGo()
  assert.deepEqual([(await first).status, (await third).status], [202, 202])
  assert.deepEqual(door.log.values, [1, 3])
})

test('on a full disk senders are told so at once', async () => {
  await using door = await HttpDoor.open()
  door.log.state = 'disk-full'
  const { status, answer, headers } = await door.post(reading('a', 1))
  assert.deepEqual([status, answer.error?.code, headers.get('retry-after')], [503, 'disk-full', '1'])
  door.log.state = 'read-only'
  assert.equal((await door.post(reading('a', 1))).answer.error?.code, 'log-read-only')
  door.log.state = undefined
  assert.equal((await door.post(reading('a', 1))).status, 202)
})

test('a sender that goes away half-way leaves nothing behind', async () => {
  await using door = await HttpDoor.open({ limits: { batchBytes: 10_000 }, maxHeldBytes: 30_000 })
  const half = reading('a', 1)
  for (let i = 0; i < 8; i++) {
    const socket = net.connect(door.port, '127.0.0.1')
    await once(socket, 'connect')
    const begun = once(door.server.server, 'request')
    socket.write(
      `POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n${half}`,
    )
    await begun
    socket.resetAndDestroy()
  }
  // All that was held is given back: bodies of full size fit again.
  const full = `[${reading('a', 2)}${' '.repeat(9_000)}]`
  for (let i = 0; i < 4; i++) assert.equal((await door.post(full)).status, 202)
  assert.deepEqual(door.log.values, [2, 2, 2, 2])
  while (door.counters.turnedAway + door.counters.refused < 8)
    await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(door.counters, { accepted: 4, refused: 0, turnedAway: 8 })
  assert.equal(door.intake.books.messagesReceived, 4, 'a half is no message')
})

test('a defect while decoding leaves no half of a body behind', async () => {
  let broken = true
  await using door = await HttpDoor.open({
    format: {
      name: 'exam',
      decode(_bytes, _from, _to, _route, intake) {
        intake.add(intake.series('a', 'temp', 'number'), 1, 1, 192, 0)
        if (broken) throw new Error('a defect')
        return 1
      },
    },
  })
  const { status, answer } = await door.post('{}')
  assert.deepEqual([status, answer.error?.code], [500, 'internal'])
  assert.equal(door.reports.length, 1)
  broken = false
  assert.equal((await door.post('{}')).status, 202)
  assert.equal(door.log.values.length, 1)
})
