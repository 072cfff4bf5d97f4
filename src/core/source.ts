import type { Intake } from './intake.ts'

/** Where records come from. `run` listens or polls until the signal aborts, then stops accepting, lets acknowledgements drain and returns. */
export interface Source {
  readonly name: string
  run(intake: Intake, signal: AbortSignal): Promise<void>
}

/**
 * A source that takes records from a server somebody else runs: an MQTT broker, RabbitMQ, Kafka. `run` is one attempt: it connects, and takes
 * records until the signal aborts (then it lets the acknowledgements under way go out, for 3 s at most, and returns) or the connection is
 * lost. It throws `SourceFailure`; another error is a defect. Whoever runs it tries again.
 *
 * The order for every record: take it → `intake.durable()` → acknowledge it upstream. It waits for `intake.room()` before it takes more, and
 * the bytes that it has taken and not acknowledged are bounded.
 */
export interface FeedSource extends Source {
  /** As it stands now; counts are since the process started. */
  status(): FeedStatus
}

export interface FeedStatus {
  /** There is a connection, and what comes is taken. */
  readonly isConnected: boolean
  /** Connections made: those after the first are reconnects. */
  readonly connects: number
  /** Messages taken, by what became of them. Of each count, the part not durable yet may turn into `refused`. */
  readonly accepted: number
  readonly deadLettered: number
  /** Neither kept nor acknowledged: a commit failed, or the dead letters are full. They come again. */
  readonly refused: number
  /** Acknowledged without a look at them, because configuration says so. */
  readonly ignored: number
  /** Of all that came, those that the server has said it had sent before. */
  readonly redelivered: number
  /** Messages that the server has been told are safe. */
  readonly acknowledged: number
  /** Taken and not acknowledged yet. */
  readonly unacknowledged: number
  readonly unacknowledgedBytes: number
  /** Messages that wait at the server, undefined where it does not say. */
  readonly lag: number | undefined
}

/**
 * - `retry`: it may work by itself the next time (no connection, the server restarts, nothing can be kept just now).
 * - `stop`: somebody must mend it first (wrong password, no permission, no such queue): the source is down at once. It is tried again all the
 *   same, since what is wrong may be mended on the other side.
 */
export class SourceFailure extends Error {
  readonly kind: 'retry' | 'stop'

  constructor(kind: SourceFailure['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SourceFailure'
    this.kind = kind
  }
}

/** The way towards a device: commands and notices. A gateway implements it. */
export interface Downlink {
  send(device: string, topic: string, payload: Uint8Array): void
}
