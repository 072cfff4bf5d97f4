import assert from 'node:assert/strict'
import test from 'node:test'
import { openGate } from '../../../test/support/gate.ts'
import { SubscribedTopics } from './subscribed-topics.ts'

test('filters that cannot be kept are a failure to try again, and no defect', async () => {
  const gate = await openGate()
  await gate.log.close()
  const none = { get: () => undefined, entries: () => [] }
  const line = () => undefined
  const topics = new SubscribedTopics('plant', none, { debug: line, info: line, warn: line, error: line })
  await assert.rejects(topics.begin(['dev/#'], gate.intake), { name: 'SourceFailure', kind: 'retry' })
})
