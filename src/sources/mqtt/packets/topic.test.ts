import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isShared, isTopicFilter, topicFault } from './topic.ts'

test('a topic is text without wildcards, and not too long', () => {
  const fault = (topic: string | Buffer) => {
    const bytes = Buffer.from(topic)
    return topicFault(bytes, 0, bytes.length, 1024)
  }
  for (const topic of ['a', '/', 'a//b', '$SYS/x', 'Grüße/🌡', ' ', 'x'.repeat(1024)]) {
    assert.equal(fault(topic), undefined, topic)
  }
  assert.equal(fault(''), 'empty')
  for (const topic of ['#', 'a/+', 'a+b']) assert.equal(fault(topic), 'invalid', topic)
  for (const topic of ['a\0b', Buffer.from([0x61, 0xff])]) assert.equal(fault(topic), 'malformed')
  assert.equal(fault('x'.repeat(1025)), 'too-long')
})

test('a filter has its wildcards alone in their levels, # last', () => {
  for (const filter of ['#', '+', 'a/#', '+/a/+', '/', 'a', '$SYS/+', '+/#']) {
    assert.equal(isTopicFilter(filter, 1024), true, filter)
  }
  for (const filter of ['', '#/a', 'a#', 'a/b#', 'a+', '+a/b', 'a/#/b', 'x\0', 'ü'.repeat(513)]) {
    assert.equal(isTopicFilter(filter, 1024), false, filter)
  }
  assert.equal(isShared('$share/group/a'), true)
  assert.equal(isShared('$shared/a'), false)
})
