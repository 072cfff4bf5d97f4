/** A live connection as the hub sees it, whatever carries it. */
export interface LiveClient {
  /** Takes a frame; false says that the client is busy, and more should wait for `ready`. The frame itself is never dropped. */
  send(frame: string): boolean
  /** Resolves when the client takes frames again, or is gone. */
  ready(): Promise<void>
}
