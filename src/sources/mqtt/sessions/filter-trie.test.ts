import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  anyFilter as filter,
  anyTopic as topic,
  topicMatches,
} from '../../../../test/support/topic-matches.ts'
import { FilterTrie, type SubscriptionOptions } from './filter-trie.ts'

const plain: SubscriptionOptions = { qos: 0, noLocal: false, retainAsPublished: false, id: 0 }

test('a topic finds exactly the subscribers one of whose filters matches, each once', () => {
  const subscriptions = fc.array(fc.tuple(filter, fc.nat(5)), { maxLength: 30 })
  fc.assert(
    fc.property(subscriptions, fc.array(topic, { minLength: 1 }), (added, topics) => {
      const trie = new FilterTrie<number>()
      for (const [text, subscriber] of added) trie.add(text, subscriber, plain)
      for (const text of topics) {
        const found = trie.match(text).map((match) => match.subscriber)
        const expected = new Set(
          added.filter(([f]) => topicMatches(f, text)).map(([, subscriber]) => subscriber),
        )
        assert.equal(found.length, expected.size)
        assert.deepEqual(new Set(found), expected, text)
      }
    }),
    { numRuns: 500 },
  )
})

test('a filter takes as many bytes as were said before, and gives them back', () => {
  const trie = new FilterTrie<number>()
  trie.add('x/'.repeat(100), 1, plain)
  assert.ok(trie.bytes > 100 * 200, `${trie.bytes}`)
  const { bytes } = trie
  trie.add('x/'.repeat(100), 1, { ...plain, qos: 1 })
  assert.equal(trie.bytes, bytes)
  fc.assert(
    fc.property(fc.array(fc.tuple(filter, fc.nat(2)), { maxLength: 20 }), (added) => {
      for (const [text, subscriber] of added) {
        const before = trie.bytes
        const more = trie.bytesFor(text)
        if (trie.add(text, subscriber, plain)) assert.equal(trie.bytes, before + more)
        else assert.equal(trie.bytes, before)
      }
      for (const [text, subscriber] of added) trie.remove(text, subscriber)
      assert.equal(trie.bytes, bytes)
    }),
  )
})

test('what is removed matches no more and leaves nothing behind', () => {
  fc.assert(
    fc.property(fc.uniqueArray(filter, { maxLength: 20 }), topic, (filters, text) => {
      const trie = new FilterTrie<number>()
      for (const f of filters) trie.add(f, 1, plain)
      const [first, ...others] = filters
      if (first === undefined) return
      assert.equal(trie.remove(first, 1), true)
      assert.equal(trie.remove(first, 1), false)
      assert.equal(
        trie.match(text).length > 0,
        others.some((f) => topicMatches(f, text)),
      )
      for (const f of others) trie.remove(f, 1)
      assert.equal(trie.size, 0)
      assert.deepEqual(trie.match(text), [])
    }),
  )
})

test('the examples of the standard hold', () => {
  const trie = new FilterTrie<string>()
  for (const f of [
    'sport/tennis/player1/#',
    'sport/#',
    '#',
    '+',
    '+/+',
    '/+',
    '+/monitor/Clients',
    '$SYS/#',
  ]) {
    trie.add(f, f, plain)
  }
  const found = (text: string) =>
    trie
      .match(text)
      .map((match) => match.subscriber)
      .sort()
  assert.deepEqual(found('sport/tennis/player1'), ['#', 'sport/#', 'sport/tennis/player1/#'])
  assert.deepEqual(found('sport'), ['#', '+', 'sport/#'])
  assert.deepEqual(found('/finance'), ['#', '+/+', '/+'])
  assert.deepEqual(found('$SYS/monitor/Clients'), ['$SYS/#'])
})

test('filters of one subscriber that overlap count as one: the highest QoS, all identifiers', () => {
  const trie = new FilterTrie<string>()
  trie.add('a/#', 'one', { ...plain, qos: 1, id: 7 })
  const one = { subscriber: 'one', qos: 1, retainAsPublished: false, ids: [7], own: undefined }
  assert.deepEqual(trie.match('a/b'), [one])
  trie.add('a/+', 'one', { qos: 2, noLocal: false, retainAsPublished: true, id: 268_435_455 })
  trie.add('+/b', 'one', plain)
  const [match, ...others] = trie.match('a/b')
  assert.deepEqual(others, [])
  assert.deepEqual(
    { ...match, ids: match?.ids.toSorted((a, b) => a - b) },
    { ...one, qos: 2, retainAsPublished: true, ids: [7, 268_435_455] },
  )
})

test('what a subscriber publishes itself comes by those of its filters that are not No Local', () => {
  const options = fc.record({
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    id: fc.nat(3),
  })
  const ways = fc.dictionary(fc.constantFrom('a/b', 'a/#', 'a/+', '+/b', '#'), options, { minKeys: 1 })
  fc.assert(
    fc.property(ways, (filters) => {
      const trie = new FilterTrie<string>()
      for (const [text, one] of Object.entries(filters)) trie.add(text, 'one', one)
      const local = Object.values(filters).filter(({ noLocal }) => !noLocal)
      const [match] = trie.match('a/b')
      const own = match?.own ?? match
      if (own === 'none' || own === undefined) {
        assert.deepEqual(local, [])
        return
      }
      assert.equal(own.qos, Math.max(...local.map(({ qos }) => qos)))
      assert.equal(
        own.retainAsPublished,
        local.some(({ retainAsPublished }) => retainAsPublished),
      )
      const ids = local.map(({ id }) => id).filter((id) => id > 0)
      const sorted = (some: readonly number[]) => some.toSorted((a, b) => a - b)
      assert.deepEqual(sorted(own.ids), sorted(ids))
    }),
  )
})
