import type { Session } from '../sessions/session.ts'
import type { TopicCache, TopicEntry } from './topic-cache.ts'

/** Who publishes: a connection, or a will in the name of one that is gone. */
export interface Publisher {
  readonly session: Session
  readonly topics: TopicCache
  /** Topic aliases of the connection: the entry of alias n stands at n - 1. */
  readonly aliases: TopicEntry[]
}
