import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { BadInputProgram } from '../support/bad-input-program.ts'
import { type BadRecord, badRecords, hostileWords } from '../support/bad-records.ts'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { readingSinks } from '../support/sluice-status.ts'

// The table "What bad input gets" of docs/delivery.md, row by row, against one running program.

let program: BadInputProgram
before(async () => {
  program = await BadInputProgram.start()
})
after(() => program.stop())

const versions = [4, 5] as const
const bytesOf = (payload: string | Buffer) => Buffer.from(payload)
/** Which device a bad record and its neighbours are sent for. */
const examDevice = (door: string, index: number) => `exam-${door}-${index}`
const topicOf = (door: string, { device }: BadRecord, index: number) =>
  `dev/${device ?? examDevice(door, index)}/m-${door}-${index}`

for (const version of versions) {
  test(`MQTT ${version === 4 ? '3.1.1' : 5}: bad records are acknowledged, their letters and their neighbours kept`, async () => {
    const door = `mqtt${version}`
    using client = await RawMqttClient.connect(program.sluice.mqttPort, version)
    const packets = badRecords.flatMap((record, index) => [
      client.publish(`dev/${examDevice(door, index)}/before`, '1', 3 * index + 1),
      client.publish(topicOf(door, record, index), bytesOf(record.payload), 3 * index + 2),
      client.publish(`dev/${examDevice(door, index)}/after`, '{"v":2}', 3 * index + 3),
    ])
    client.write(Buffer.concat(packets))
    for (let id = 1; id <= packets.length; id++) {
      const { messageId, reasonCode } = await client.next('puback')
      assert.deepEqual([messageId, reasonCode ?? 0], [id, 0])
    }

    const letters = await program.letters()
    for (const [index, record] of badRecords.entries()) {
      const own = letters.filter(({ topic }) => topic === topicOf(door, record, index))
      const [letter] = own
      assert.equal(own.length, 1, record.what)
      assert.equal(letter?.code, record.code, record.what)
      assert.equal(letter?.source, 'mqtt')
      assert.notEqual(letter?.reason, '')
      if (record.field !== undefined)
        assert.ok(letter?.reason.startsWith(`${record.field}: `), letter?.reason)
      assert.deepEqual(
        Buffer.from(letter?.bytes ?? '', 'base64'),
        bytesOf(record.kept ?? record.payload),
        record.what,
      )
      assert.deepEqual(await program.values(examDevice(door, index)), { before: 1, after: 2 }, record.what)
    }
  })
}

test('HTTP: bad lines are named by line, field and reason; the good ones are kept and counted', async () => {
  const door = 'http'
  for (const [index, record] of badRecords.entries()) {
    const device = examDevice(door, index)
    const good = (metric: string, v: number) => `{"device_id":"${device}","tag_id":"${metric}","v":${v}}`
    const body = Buffer.concat([
      Buffer.from(`${good('before', 1)}\n\n`),
      bytesOf(record.payload),
      Buffer.from(`\n${good('after', 2)}\n`),
    ])
    const query = `?device=${record.device ?? device}`
    const { status, answer } = await program.post(body, query, { 'content-type': 'application/x-ndjson' })
    assert.equal(status, 400, record.what)
    assert.deepEqual([answer.accepted, answer.refused], [2, 1], record.what)
    const [refusal] = answer.refusals ?? []
    assert.deepEqual([refusal?.line, refusal?.code], [3, record.code], record.what)
    if (record.field !== undefined) assert.equal(refusal?.field, record.field)
    assert.notEqual(refusal?.reason, '')
    assert.ok(answer.cursor)
    assert.doesNotMatch(JSON.stringify(answer), /hunter/)
  }
  await program.settled()
  for (const [index, { what }] of badRecords.entries())
    assert.deepEqual(await program.values(examDevice(door, index)), { before: 1, after: 2 }, what)
})

test('HTTP: of an array the bad elements are named by index, the good ones are kept and counted', async () => {
  const good = (n: number) => `{"device_id":"exam-array","tag_id":"m${n}","v":${n}}`
  const elements = [
    good(0),
    '{"v":NaN}',
    good(2),
    '{"v":1e999}',
    good(4),
    '{"device_id":"\xff","v":1}',
    good(6),
  ]
  const body = Uint8Array.from(Buffer.from(`[${elements.join()}]`, 'latin1'))
  const { status, answer } = await program.post(body)
  assert.equal(status, 400)
  assert.deepEqual([answer.accepted, answer.refused], [4, 3])
  assert.deepEqual(
    answer.refusals?.map(({ index, code }) => [index, code]),
    [
      [1, 'undecodable'],
      [3, 'missing-field'],
      [5, 'undecodable'],
    ],
  )
  await program.settled()
  assert.deepEqual(await program.values('exam-array'), { m0: 0, m2: 2, m4: 4, m6: 6 })
})

/** Bodies of which nothing is taken: the status and code of the whole answer. */
const badBodies: readonly [
  what: string,
  body: string,
  status: number,
  code: string,
  headers?: Readonly<Record<string, string>>,
][] = [
  ['nothing', '', 400, 'undecodable'],
  ['NaN', 'NaN', 400, 'undecodable'],
  ['a record cut off', '{"v":', 400, 'undecodable'],
  ['a record without a device', '{"tag_id":"v","v":1}', 400, 'missing-field'],
  ['a million commas', `[${','.repeat(1_000_000)}]`, 400, 'undecodable'],
  ['a content type that is none', '{"v":1}', 415, 'unsupported-media', { 'content-type': 'text/plain' }],
  [
    'a foreign page',
    '{"device_id":"exam-0","tag_id":"m","v":1}',
    403,
    'not-allowed',
    { 'content-type': 'application/json', origin: 'https://evil.example' },
  ],
]

test('HTTP: a body of nothing good is answered by its own status and code', async () => {
  for (const [what, body, status, code, headers] of badBodies) {
    const none = await program.post(body, '', headers)
    assert.deepEqual([none.status, none.answer.error?.code], [status, code], what)
    assert.equal(none.answer.cursor, undefined, what)
  }
})

test('hostile names and texts come back byte-equal, whatever door they came through', async () => {
  using client = await RawMqttClient.connect(program.sluice.mqttPort, 5)
  for (const [at, word] of hostileWords.entries()) {
    const time = 1_705_314_600_000 + at
    const record = (metric: string, v: unknown) =>
      JSON.stringify({ device_id: word, tag_id: metric, v, u: word, ts: time })
    // Member by computed name: `__proto__` must be a name like any other.
    const generic = `{"device":${JSON.stringify(word)},${JSON.stringify(word)}:${JSON.stringify(word)},"timestamp":${time}}`
    client.write(client.publish('devices/telemetry', record(`${word}/mqtt`, word), 1))
    assert.equal((await client.next('puback')).reasonCode ?? 0, 0)
    const { status, answer } = await program.post(`${record(`${word}/http`, word)}\n${generic}`, '', {
      'content-type': 'application/x-ndjson',
    })
    assert.deepEqual([status, answer.accepted], [202, 2], `${JSON.stringify(word)} ${JSON.stringify(answer)}`)
  }
  await program.settled()
  for (const word of hostileWords) {
    const metrics = [word, `${word}/http`, `${word}/mqtt`]
    const rows = await program.rows(word)
    assert.deepEqual(rows.map(({ metric }) => metric).sort(), metrics.toSorted(), JSON.stringify(word))
    for (const { value } of rows) assert.equal(value, word)
    for (const metric of metrics) assert.equal((await program.rows(word, metric)).length, 1)
    const query = new URLSearchParams({ device: word })
    // as: the documented shape of the answer
    const { series } = (await program.sluice.get(`/api/v1/series?${query.toString()}`)) as {
      series: { unit: string }[]
    }
    assert.deepEqual(series.map(({ unit }) => unit).sort(), ['', word, word].sort())
  }
  // as: the documented shape of the answer
  const { devices } = (await program.sluice.get('/api/v1/devices?limit=1000')) as {
    devices: { device: string }[]
  }
  for (const word of hostileWords) assert.equal(devices.filter(({ device }) => device === word).length, 1)
})

test('hostile names come back byte-equal from topics too', async () => {
  using client = await RawMqttClient.connect(program.sluice.mqttPort, 4)
  const words = hostileWords.filter((word) => !/[+#/]/.test(word))
  client.write(Buffer.concat(words.map((word, i) => client.publish(`dev/${word}/of ${word}`, '5', i + 1))))
  await client.acknowledged(words.length)
  await program.settled()
  for (const word of words) assert.equal((await program.rows(word, `of ${word}`))[0]?.value, 5, word)
})

test('2^53 + 1 is kept to the last digit as a text, also where a series is declared text', async () => {
  const number = '9007199254740993'
  using client = await RawMqttClient.connect(program.sluice.mqttPort, 5)
  client.write(client.publish('dev/only-texts/by-mqtt', `{"v":${number}}`, 1))
  assert.deepEqual(await client.acknowledged(1), [1])
  const body = `{"device_id":"only-texts","tag_id":"by-http","v":${number}}`
  assert.equal((await program.post(body)).status, 202)
  await program.settled()
  assert.deepEqual(await program.values('only-texts'), { 'by-mqtt': number, 'by-http': number })
})

test('an edit of a number that would change is refused', async () => {
  const query = new URLSearchParams({ device: 'exam-array', from: '0', to: 'now' })
  for (const value of ['9007199254740993', '1e999', '-9007199254740993.0']) {
    const response = await fetch(`${program.url}/api/v1/readings?${query.toString()}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: `{"value":${value}}`,
    })
    assert.equal(response.status, 400, `${value} ${await response.text()}`)
  }
  assert.deepEqual(await program.values('exam-array'), { m0: 0, m2: 2, m4: 4, m6: 6 })
})

const oversized = JSON.stringify({ v: 'x', note: 'y'.repeat(70_000) })

for (const version of versions) {
  test(`MQTT ${version === 4 ? '3.1.1' : 5}: above 64 KiB a record becomes a letter, an array is taken, above the packet limit the connection ends`, async () => {
    const device = `exam-large${version}`
    using client = await RawMqttClient.connect(program.sluice.mqttPort, version)
    const samples = Array.from({ length: 5_000 }, (_, i) => `{"v":${i},"ts":${1_705_314_600_000 + i}}`)
    client.write(
      Buffer.concat([
        client.publish(`dev/${device}/before`, '1', 1),
        client.publish(`dev/${device}/large`, oversized, 2),
        client.publish(`dev/${device}/array`, `[${samples.join()}]`, 3),
        client.publish(`dev/${device}/after`, '2', 4),
        // PUBLISH of 8 MiB, as its header says.
        Buffer.from([0x32, 0x80, 0x80, 0x80, 0x04, 0, 1]),
      ]),
    )
    assert.deepEqual(await client.acknowledged(4), [1, 2, 3, 4])
    if (version === 5) assert.equal((await client.next('disconnect')).reasonCode, 0x95)
    await client.closed
    const letters = (await program.letters()).filter(({ topic }) => topic === `dev/${device}/large`)
    assert.deepEqual(
      letters.map(({ code, bytes }) => [code, Buffer.from(bytes, 'base64').toString()]),
      [['too-large', oversized]],
    )
    const rows = await program.rows(device)
    assert.equal(rows.filter(({ metric }) => metric === 'array').length, 5_000)
    assert.deepEqual(
      rows.filter(({ metric }) => metric !== 'array').map(({ metric, value }) => [metric, value]),
      [
        ['after', 2],
        ['before', 1],
      ],
    )
  })
}

test('HTTP: a record or a body above its limit is 413, as one line of many it is named', async () => {
  const one = await program.post(oversized, '?device=exam-large')
  assert.deepEqual([one.status, one.answer.error?.code], [413, 'too-large'])
  const good = '{"device_id":"exam-large","tag_id":"m","v":1}'
  const lines = await program.post(`${good}\n${oversized}\n`, '?device=exam-large', {
    'content-type': 'application/x-ndjson',
  })
  assert.deepEqual([lines.status, lines.answer.accepted, lines.answer.refusals?.[0]?.line], [400, 1, 2])
  assert.equal(lines.answer.refusals?.[0]?.code, 'too-large')
  const body = await program.post(`[${good}${' '.repeat(4 * 1024 * 1024)}]`)
  assert.deepEqual([body.status, body.answer.error?.code], [413, 'too-large'])
  await program.settled()
  assert.deepEqual(await program.values('exam-large'), { m: 1 })
})

/** Bytes after CONNECT that are no MQTT, and the reason an MQTT 5 client hears. */
const malformed: readonly [what: string, bytes: readonly number[], reason: number][] = [
  ['a packet of type 0', [0x00, 0], 0x81],
  ['a remaining length without end', [0x30, 0xff, 0xff, 0xff, 0xff], 0x81],
  ['QoS 3', [0x36, 5, 0, 1, 97, 0, 1], 0x81],
  ['U+0000 in a topic', [0x30, 5, 0, 2, 97, 0, 0], 0x81],
  ['a topic that is not UTF-8', [0x30, 5, 0, 2, 97, 0xff, 0], 0x81],
  ['a topic longer than its packet', [0x30, 3, 0xff, 0xff, 97], 0x81],
  ['a second CONNECT', [0x10, 13, 0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 0, 0, 0], 0x82],
  ['a packet that only servers send', [0xd0, 0], 0x82],
  ['packet id 0', [0x32, 6, 0, 1, 97, 0, 0, 0], 0x82],
]
for (const version of versions) {
  test(`MQTT ${version === 4 ? '3.1.1' : 5}: malformed packets end their own connection, messages before them are kept`, async () => {
    const device = `exam-malformed${version}`
    using bystander = await RawMqttClient.connect(program.sluice.mqttPort, version)
    for (const [index, [what, bytes, reason]] of malformed.entries()) {
      using client = await RawMqttClient.connect(program.sluice.mqttPort, version)
      const message = client.publish(`dev/${device}/m${index}`, String(index), 7)
      client.write(Buffer.concat([message, Buffer.from(bytes)]))
      assert.deepEqual(await client.acknowledged(1), [7], what)
      if (version === 5) assert.equal((await client.next('disconnect')).reasonCode, reason, what)
      await client.closed
      assert.deepEqual(client.packets, [], what)
    }
    await bystander.ping()
    await program.settled()
    const expected = Object.fromEntries(malformed.map((_, index) => [`m${index}`, index]))
    assert.deepEqual(await program.values(device), expected)
  })
}

test('what is no CONNECT is closed without a word, and counted', async () => {
  const refused = async () => {
    // as: the part of the answer that counts them
    const { mqtt } = (await program.sluice.get('/status')) as { mqtt: { connectionsRefused: number } }
    return mqtt.connectionsRefused
  }
  const before = await refused()
  const noise = ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', '\x16\x03\x01\x02\x00\x01', '\0\0\0\0']
  for (const bytes of noise) {
    const socket = net.connect(program.sluice.mqttPort, '127.0.0.1')
    const heard: Buffer[] = []
    socket.on('data', (part) => heard.push(Buffer.from(part)))
    socket.on('error', () => {})
    socket.write(bytes)
    await once(socket, 'close')
    assert.equal(Buffer.concat(heard).length, 0)
  }
  assert.equal(await refused(), before + noise.length)
})

test('bytes that are no HTTP are answered with 400 in the one error shape, or closed', async () => {
  for (const bytes of [
    'nonsense\r\n\r\n',
    'POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1, 2\r\n\r\nab',
    `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
    'GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  ]) {
    const socket = net.connect(program.sluice.httpPort, '127.0.0.1')
    socket.on('error', () => {})
    const heard: Buffer[] = []
    socket.on('data', (part) => heard.push(Buffer.from(part)))
    socket.write(bytes)
    await once(socket, 'close')
    const text = Buffer.concat(heard).toString()
    assert.match(text, /^HTTP\/1\.1 4\d\d /, bytes.slice(0, 100))
    assert.match(text, /"error":\{"code":"/, bytes.slice(0, 100))
  }
})

// Last: it judges what all the others left behind.
test('after all of it the books balance, and no message is missing from them', async () => {
  const status = await program.settled()
  const { books } = status
  assert.ok(books.balanced)
  assert.equal(
    books.messagesReceived,
    books.messagesAccepted + books.messagesRefused + books.messagesDeadLettered,
  )
  assert.equal(books.rowsReceived, books.rowsAccepted + books.rowsRefused + books.rowsDeadLettered)
  assert.equal(books.messagesDeadLettered, 2 * (badRecords.length + 1))
  assert.equal(books.rowsDeadLettered, status.log.rows['dead-letters'])
  for (const sink of readingSinks(status)) {
    assert.ok(sink.balanced, JSON.stringify(sink))
    assert.equal(sink.books.stored + sink.books.repeated + sink.books.overwritten, books.rowsAccepted)
    assert.equal(sink.books.deadLettered, 0)
  }
  assert.deepEqual(status.alarms, [])
})
