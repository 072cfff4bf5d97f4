import { Client } from './client.ts'
import type { Ledger } from './ledger.ts'

export interface FleetOptions {
  readonly host: string
  readonly port: number
  /** Its plan says how many devices there are. */
  readonly ledger: Ledger
  /** Which life of the fleet this is: a fleet that starts over in the same ledger takes the next number. */
  readonly epoch?: number
  /** First level of the topics; on `dev` a device's records are readings. */
  readonly prefix?: string
  /** Records in flight at most, a device. */
  readonly window?: number
  readonly qos?: 1 | 2
  readonly answerTimeoutMs?: number
}

/** The verifying clients of a plan, half of them speaking MQTT 3.1.1 and half MQTT 5, all at full speed. */
export class Fleet {
  readonly ledger: Ledger
  readonly #clients: readonly Client[]

  constructor(options: FleetOptions) {
    const { host, port, ledger, epoch = 0, prefix = 'dev', window = 500, qos = 1 } = options
    const { answerTimeoutMs = 20_000 } = options
    this.ledger = ledger
    this.#clients = Array.from({ length: ledger.plan.devices }, (_, device) => {
      const page = ledger.open(device, epoch)
      const protocolVersion = device % 2 === 0 ? 4 : 5
      const terms = { prefix, window, qos, answerTimeoutMs }
      return new Client({ ...terms, host, port, plan: ledger.plan, page, protocolVersion })
    })
  }

  start(): void {
    for (const client of this.#clients) client.start()
  }

  /** Makes no new connections until `resume`: what stands in the product then is what was sent before. */
  pause(): void {
    for (const client of this.#clients) client.pause()
  }

  resume(): void {
    for (const client of this.#clients) client.resume()
  }

  /** Whether any client has a connection that may still bring answers. */
  get connected(): boolean {
    return this.#clients.some((client) => client.hasSocket)
  }

  /** Records sent and not answered, now. */
  get inFlight(): number {
    return this.#sum((client) => client.inFlight)
  }

  get acked(): number {
    return this.#sum((client) => client.acked)
  }

  get refused(): number {
    return this.#sum((client) => client.refused)
  }

  /** Connections that were accepted. */
  get connections(): number {
    return this.#sum((client) => client.connections)
  }

  /** What the product did that MQTT forbids: answers that nobody waits for, packets that are none. */
  get violations(): readonly string[] {
    return this.#clients.flatMap((client) => client.violations)
  }

  /** Sends nothing new; resolves when every record sent is answered, rejects when the signal aborts first. */
  async finish(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>()
    const abort = (): void =>
      aborted.reject(new Error(`${this.inFlight} records are still unanswered`, { cause: signal.reason }))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([Promise.all(this.#clients.map((client) => client.finish())), aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Leaves at once: what is unanswered stays unknown. */
  close(): void {
    for (const client of this.#clients) client.close()
  }

  #sum(of: (client: Client) => number): number {
    return this.#clients.reduce((total, client) => total + of(client), 0)
  }
}
