import assert from 'node:assert/strict'
import test from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { clientOptions, groupOptions } from './client.ts'
import { kafkaSchema } from './options.ts'

test('brokers, topics and groups are such as Kafka and its client can take', () => {
  const takes = (more: object) =>
    kafkaSchema.safeParse({ brokers: ['h:9092'], topics: ['t'], ...more }).success
  for (const broker of ['h:1', '10.0.0.1:65535', '[::1]:9092'])
    assert.equal(takes({ brokers: [broker] }), true, broker)
  for (const broker of ['h', 'h:0', 'h:65536', 'h:99999', 'u:p@h:9092', 'kafka://h:9092', '::1:9092'])
    assert.equal(takes({ brokers: [broker] }), false, broker)
  for (const topic of ['a.b', '...', '.a']) assert.equal(takes({ topics: [topic] }), true, topic)
  for (const topic of ['', '.', '..', 'a b', 'x'.repeat(250)])
    assert.equal(takes({ topics: [topic] }), false, topic)
  for (const group of ['', 'a b', 'a\n']) assert.equal(takes({ group }), false, group)
})

test('whatever session timeout the configuration takes, the library takes too, and a join has time for it', async () => {
  for (const sessionTimeoutMs of [1_000, undefined, 300_000]) {
    const options = kafkaSchema.parse({ brokers: ['h:9092'], topics: ['t'], sessionTimeoutMs })
    const group = groupOptions(clientOptions(options, 'c'), options)
    await new Consumer(group).close()
    assert.ok(group.requestTimeout > group.rebalanceTimeout)
  }
})
