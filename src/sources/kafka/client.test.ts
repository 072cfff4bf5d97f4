import assert from 'node:assert/strict'
import test from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { clientOptions, groupOptions } from './client.ts'
import { kafkaSchema } from './options.ts'

test('whatever session timeout the configuration takes, the library takes too, and a join has time for it', async () => {
  for (const sessionTimeoutMs of [1_000, undefined, 300_000]) {
    const options = kafkaSchema.parse({ brokers: ['h:9092'], topics: ['t'], sessionTimeoutMs })
    const group = groupOptions(clientOptions(options, 'c'), options)
    await new Consumer(group).close()
    assert.ok(group.requestTimeout > group.rebalanceTimeout)
  }
})
