import type { FilterTrie } from './filter-trie.ts'
import type { Session, Subscription } from './session.ts'
import { SharedGroup } from './shared-group.ts'

/** Whoever stands in the trie: a session, or a group of which one session gets the message. */
export type Subscriber = Session | SharedGroup

/** Who subscribes to what. */
export class Subscriptions {
  readonly trie: FilterTrie<Subscriber>
  /** By `<share>/<filter>`: a share name has no slash. */
  readonly #groups = new Map<string, SharedGroup>()
  /** Subscriptions of all sessions. */
  count = 0

  constructor(trie: FilterTrie<Subscriber>) {
    this.trie = trie
  }

  /** `filter` as the client wrote it. True if it is new to the session. */
  add(session: Session, filter: string, subscription: Subscription): boolean {
    const isNew = !session.subscriptions.has(filter)
    session.subscriptions.set(filter, subscription)
    if (isNew) this.count++
    if (subscription.share === undefined) {
      this.trie.add(subscription.filter, session, subscription)
      return isNew
    }
    const key = groupKey(subscription)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = new SharedGroup()
      this.#groups.set(key, group)
      // Its members say how each of them wants it.
      this.trie.add(subscription.filter, group, subscription)
    }
    group.add(session, subscription)
    return isNew
  }

  /** False if there was none. */
  remove(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter)
    if (subscription === undefined) return false
    session.subscriptions.delete(filter)
    this.count--
    if (subscription.share === undefined) {
      this.trie.remove(subscription.filter, session)
      return true
    }
    const key = groupKey(subscription)
    const group = this.#groups.get(key)
    group?.remove(session)
    if (group?.isEmpty === true) {
      this.#groups.delete(key)
      this.trie.remove(subscription.filter, group)
    }
    return true
  }

  removeAll(session: Session): void {
    for (const filter of [...session.subscriptions.keys()]) this.remove(session, filter)
  }
}

function groupKey({ share, filter }: Subscription): string {
  return `${share ?? ''}/${filter}`
}
