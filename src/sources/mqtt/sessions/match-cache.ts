import type { MqttCounters } from '../counters.ts'
import type { FilterTrie, Match } from './filter-trie.ts'

// What they take in memory, as measured with Node 26.
const topicBytes = 160
const matchBytes = 112

/**
 * Who gets the topics that are published to, found once for all their publishers, until somebody subscribes. Full, it starts again; a topic with more
 * subscribers than it holds is looked up for every message.
 */
export class MatchCache<S> {
  readonly #trie: FilterTrie<S>
  readonly #maxBytes: number
  readonly #counters: Pick<MqttCounters, 'matchesForgotten'>
  readonly #byTopic = new Map<string, readonly Match<S>[]>()
  #version = -1
  bytes = 0

  constructor(trie: FilterTrie<S>, maxBytes: number, counters: Pick<MqttCounters, 'matchesForgotten'>) {
    this.#trie = trie
    this.#maxBytes = maxBytes
    this.#counters = counters
  }

  match(topic: string): readonly Match<S>[] {
    if (this.#version !== this.#trie.version) this.#clear()
    return this.#byTopic.get(topic) ?? this.#find(topic)
  }

  #find(topic: string): readonly Match<S>[] {
    const matches = this.#trie.match(topic)
    const bytes = topicBytes + 2 * topic.length + matches.length * matchBytes
    if (this.bytes + bytes > this.#maxBytes) {
      this.#counters.matchesForgotten++
      if (bytes > this.#maxBytes) return matches
      this.#clear()
    }
    this.#byTopic.set(topic, matches)
    this.bytes += bytes
    return matches
  }

  #clear(): void {
    this.#byTopic.clear()
    this.bytes = 0
    this.#version = this.#trie.version
  }
}
