import assert from 'node:assert/strict'
import test from 'node:test'
import { kafkaFeed } from '../../../test/support/kafka-feed.ts'
import { KafkaTopic } from '../../../test/support/kafka-topic.ts'
import { needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'

const skip = needsToStart('kafka')
const reading = (i: number) => JSON.stringify({ ts: 1_700_000_000_000 + i, value: i })

for (const [how, end] of [
  ['stopped', (server: OwnServer) => server.stop()],
  ['killed', (server: OwnServer) => server.kill()],
] as const)
  test(`Kafka is ${how} under load and comes back: every record that it has acknowledged is taken`, {
    skip,
  }, async () => {
    await using server = await OwnServer.start('kafka')
    await using topic = await KafkaTopic.create(server.variable('TEST_KAFKA'), 12)
    await using feed = await kafkaFeed(server.variable('TEST_KAFKA'), topic.name)
    const sent = new Set<number>()
    let next = 0
    const send = async (count: number) => {
      const batch = Array.from({ length: count }, () => next++)
      // Rejected while the server is away: then nobody was promised anything.
      await topic.send(batch.map((i) => ({ value: reading(i), key: `d${i % 40}` }))).then(
        () => batch.forEach((i) => sent.add(i)),
        () => {},
      )
    }
    while (feed.runner.status.accepted === 0) await send(20)
    const away = end(server)
    const load = (async () => {
      for (let i = 0; i < 20; i++) await send(50)
    })()
    await away
    await server.start()
    await load
    while (sent.size < 500) await send(50)
    await feed.until(({ connects }) => connects > 1, 'it is connected again')
    await feed.until(
      ({ lag, unacknowledged, accepted }) => lag === 0 && unacknowledged === 0 && accepted >= sent.size,
      'all are taken',
    )
    await feed.stop()
    const values = new Set((await feed.rows()).map(({ value }) => value))
    assert.deepEqual(
      [...sent].filter((i) => !values.has(i)),
      [],
    )
  })

test('TLS and SASL: with the right password records come, with a wrong one the source is down and says why', {
  skip,
}, async () => {
  await using server = await OwnServer.start('kafka')
  await using topic = await KafkaTopic.create(server.variable('TEST_KAFKA'), 1)
  const brokers = server.variable('TEST_KAFKA_SECURE')
  const login = {
    tls: true,
    caFile: server.variable('TEST_KAFKA_CA'),
    user: server.variable('TEST_KAFKA_USER'),
    password: server.variable('TEST_KAFKA_PASSWORD'),
  }
  await topic.send([{ value: reading(1), key: 'd' }])
  for (const sasl of ['plain', 'scram-sha-256']) {
    await using feed = await kafkaFeed(brokers, topic.name, { ...login, sasl, group: sasl })
    await feed.until(({ acknowledged }) => acknowledged === 1, `it is taken with ${sasl}`)
    await feed.stop()

    await using wrong = await kafkaFeed(brokers, topic.name, { ...login, sasl, password: 'wr0ng-pass' })
    const { error } = await wrong.until(({ state }) => state === 'down', 'it is down')
    assert.match(error ?? '', /user or password|login failed/)
    await wrong.stop()
    assert.doesNotMatch(`${wrong.lines.join('\n')}${error}`, /wr0ng-pass/)
  }

  const { caFile: _, ...unknown } = login
  await using feed = await kafkaFeed(brokers, topic.name, { ...unknown, sasl: 'plain' })
  const { error } = await feed.until(({ state }) => state === 'down', 'it is down')
  assert.match(error ?? '', /TLS: .*self-signed/)
  await feed.stop()
})
