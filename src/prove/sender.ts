/** A verifying device, whatever it speaks. Whatever it does is in its page of the ledger. */
export interface Sender {
  start(): void
  /** Sends what it may send now, where a pace holds it back. */
  pump(): void
  /** Stays away after a lost connection until `resume`. */
  pause(): void
  resume(): void
  /** Sends nothing new any more; resolves when everything sent is answered. */
  finish(): Promise<void>
  /** Leaves at once: what is unanswered stays unknown. */
  close(): void
  /** From the attempt to connect to the end of the connection: answers may still come. */
  readonly hasSocket: boolean
  /** Records sent and not answered. */
  readonly inFlight: number
  /** Of these at most so many are taken by the server and will make no further row when they are sent again. */
  readonly openRows: number
  /** Good records with these answers, in this life. */
  readonly acked: number
  readonly refused: number
  /** Connections that were accepted; over HTTP answers. */
  readonly connections: number
  /** What the other side did that the protocol forbids. */
  readonly violations: readonly string[]
}
