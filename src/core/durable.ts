import type { Position } from './position.ts'

/** Only `mintDurable` holds this key, so nothing else can call the constructor with success. */
const key = Symbol('log')

/**
 * Proof that a commit is on disk. Every acknowledgement to a sender takes one, and only a log can make one:
 * the architecture test lets nothing outside src/log import `mintDurable`.
 */
export class Durable {
  /** Where the log stood after the commit: everything the commit holds lies behind it. */
  readonly position: Position
  /** Makes the type nominal: an object of the same shape is no token. */
  readonly #minted = true

  constructor(position: Position, secret: symbol) {
    if (secret !== key) throw new TypeError('only a log makes a Durable')
    this.position = position
  }

  static isDurable(value: unknown): value is Durable {
    return value instanceof Durable && value.#minted
  }
}

/** For the commit path of a log, after `fdatasync` (or Kafka's acks=all) has returned. */
export function mintDurable(position: Position): Durable {
  return new Durable(position, key)
}
