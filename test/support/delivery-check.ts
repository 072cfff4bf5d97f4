import type { Ledger } from '../../src/prove/ledger.ts'
import { deviceName, placeOf } from '../../src/prove/plan.ts'

/** The messages of one fleet, as one subscriber is to get them. */
export interface Expected {
  /** First level of the topics. */
  readonly prefix: string
  readonly ledger: Ledger
  /** Both ways at QoS 2; else a message may come again. */
  readonly isOnce: boolean
}

/** Holds what a subscriber gets against what the publishers' ledgers say: each device's records one after the other, from the first on. */
export class DeliveryCheck {
  readonly #expected: ReadonlyMap<string, Expected>
  /** The next sequence number that is new, by prefix and device. */
  readonly #next = new Map<string, number>()
  readonly faults: string[] = []
  deliveries = 0
  repeats = 0

  constructor(expected: readonly Expected[]) {
    this.#expected = new Map(expected.map((one) => [one.prefix, one]))
  }

  /** False if it is no message of a fleet. */
  take(topic: string, payload: string): boolean {
    const [prefix = '', device = '', metric = ''] = topic.split('/')
    const expected = this.#expected.get(prefix)
    if (expected === undefined) return false
    this.deliveries++
    const { v } = JSON.parse(payload) as { v: number } // as the fleet writes it
    const place = placeOf(expected.ledger.plan, device, metric, Number.NaN, v)
    if (place === undefined) {
      this.#fault(`${topic} ${payload} was never sent`)
      return true
    }
    const key = `${prefix}/${device}`
    const next = this.#next.get(key) ?? 0
    if (place.sequence > next)
      this.#fault(`${key}: ${place.sequence} came where ${next} was to come: lost, or out of order`)
    if (place.sequence < next) {
      this.repeats++
      if (expected.isOnce) this.#fault(`${key}: ${place.sequence} came twice, or out of order`)
    }
    this.#next.set(key, Math.max(next, place.sequence + 1))
    return true
  }

  /** What has been acknowledged to the publishers and did not come. */
  get missing(): number {
    let missing = 0
    for (const { prefix, ledger } of this.#expected.values())
      for (const { device, length } of ledger.pages())
        missing += length - (this.#next.get(`${prefix}/${deviceName(ledger.plan, device)}`) ?? 0)
    return missing
  }

  #fault(what: string): void {
    if (this.faults.length < 10) this.faults.push(what)
  }
}
