/**
 * The last value of every key set by commits that are on disk, as it stood when the program started. Keys are named
 * after who keeps them: `mqtt/session/<client id>`, `mqtt/retained/<topic>`, `cursor/<source name>`. It is read while
 * the program starts; what is set afterwards is known to whoever set it.
 */
export interface KeyedState {
  get(key: string): Uint8Array | undefined
  /** Every key that starts with `prefix` and its value, in the byte order of the keys. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>
}
