import type { Principal } from '../../core/authorizer.ts'
import type { SubscriptionOptions } from './filter-trie.ts'
import type { ProtocolVersion } from './reason.ts'

/** The message that is published for a client that goes without a word. Its topic was checked and allowed at CONNECT. */
export interface Will {
  readonly topic: Uint8Array
  readonly payload: Uint8Array
  readonly qos: 0 | 1
}

/**
 * What a CONNECT agreed. It lives as long as its connection: nothing is kept for a client that is away, and CONNACK says so
 * (session present 0, session expiry 0).
 */
export interface Session {
  readonly clientId: string
  readonly version: ProtocolVersion
  readonly principal: Principal
  /** 0: none. */
  readonly keepAliveMs: number
  /** The largest packet the client takes. */
  readonly maxPacketBytes: number
  will: Will | undefined
  readonly subscriptions: Map<string, SubscriptionOptions>
}
