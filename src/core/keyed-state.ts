/** The streams of the log that hold keyed values: the document given last for a key is its value, an empty one removes it. */
export const stateStream = 'state'
/** Messages that some session or retained topic still needs. */
export const messagesStream = 'messages'
export const keyedStreams = [stateStream, messagesStream] as const

/**
 * The last value of every key set by commits that are on disk, as it stood when the program started. Keys are named
 * after who keeps them: `mqtt/session/<client id>`, `mqtt/retained/<topic>`, `cursor/<source type>/<source name>`. It is read while
 * the program starts; what is set afterwards is known to whoever set it. A value may be a view of larger memory: copy what is
 * kept for long.
 */
export interface KeyedState {
  get(key: string): Uint8Array | undefined
  /** Every key that starts with `prefix` and its value, in no order. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>
}

/** What a start found: keyed state, and under each message's id the message that some session or retained topic needed. */
export interface KeptState {
  readonly state: KeyedState
  /** `clear` lets go of them: whoever needs them has read them. */
  readonly messages: KeyedState & { clear(): void }
}
