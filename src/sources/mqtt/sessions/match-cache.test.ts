import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyFilter, anyTopic } from '../../../../test/support/topic-matches.ts'
import { FilterTrie, type SubscriptionOptions } from './filter-trie.ts'
import { MatchCache } from './match-cache.ts'

const plain: SubscriptionOptions = { qos: 0, noLocal: false, retainAsPublished: false, id: 0 }

function open(maxBytes: number) {
  const trie = new FilterTrie<number>()
  const counters = { matchesForgotten: 0 }
  return { trie, counters, cache: new MatchCache(trie, maxBytes, counters) }
}

test('it knows at every time who subscribes, and holds no more than it may', () => {
  const step = fc.tuple(fc.constantFrom('subscribe', 'unsubscribe', 'look'), anyFilter, anyTopic)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 300, 1000, 10_000), (steps, max) => {
      const { trie, cache } = open(max)
      for (const [what, filter, topic] of steps) {
        if (what === 'subscribe') trie.add(filter, topic.length, plain)
        else if (what === 'unsubscribe') trie.remove(filter, topic.length)
        assert.deepEqual(cache.match(topic), trie.match(topic))
        assert.ok(cache.bytes <= max)
      }
    }),
  )
})

test('a topic is looked up once for all its messages; more topics than it holds make it start again, and that is counted', () => {
  const { trie, cache, counters } = open(10_000)
  for (let i = 0; i < 10; i++) trie.add('many/#', i, plain)
  assert.equal(cache.match('many/0'), cache.match('many/0'))
  for (let i = 0; i < 100; i++) cache.match(`many/${i}`)
  assert.ok(counters.matchesForgotten > 5, `${counters.matchesForgotten}`)
  const before = cache.match('many/99')
  assert.equal(cache.match('many/99'), before)
})

test('a topic with more subscribers than it holds leaves the others where they are', () => {
  const { trie, cache, counters } = open(1000)
  trie.add('few', 1, plain)
  for (let i = 0; i < 100; i++) trie.add('many', i, plain)
  const few = cache.match('few')
  assert.equal(cache.match('many').length, 100)
  assert.equal(counters.matchesForgotten, 1)
  assert.equal(cache.match('few'), few)
})
