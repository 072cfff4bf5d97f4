/** One simulated device. */
export interface Device {
  readonly id: string
  /** The next message: everything the device measured in [fromMicros, toMicros). */
  message(fromMicros: number, toMicros: number): Message
}

export interface Message {
  readonly topic: string
  readonly payload: string
  /** Readings in it. */
  readonly readings: number
}
