import { systemClock } from '../lib/clock.ts'
import { Client } from './client.ts'
import { HttpClient } from './http-client.ts'
import type { Ledger } from './ledger.ts'
import { Pace } from './pace.ts'
import type { Sender } from './sender.ts'

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
  readonly qos?: Qos
  /** Where every third or fourth device posts over HTTP, `http://host:port`; without it all speak MQTT. */
  readonly httpUrl?: string
  /** Where bad records are written down, of the same plan; without it none are sent. */
  readonly badLedger?: Ledger
  /** Records a second, all devices together; without it as fast as they can. */
  readonly rate?: number
  readonly answerTimeoutMs?: number
}

/** `mixed`: some devices speak at QoS 1, others at QoS 2. */
export type Qos = 1 | 2 | 'mixed'

type Kind = { readonly protocolVersion: 4 | 5; readonly qos: 1 | 2 } | 'http'

const paceMs = 10

/** The verifying clients of a plan: MQTT 3.1.1 and MQTT 5 in turn, and HTTP where it is asked for. */
export class Fleet {
  readonly ledger: Ledger
  readonly badLedger: Ledger | undefined
  readonly #senders: readonly Sender[]
  readonly #isPaced: boolean
  #ticks: NodeJS.Timeout | undefined

  constructor(options: FleetOptions) {
    const { host, port, ledger, badLedger, epoch = 0, prefix = 'dev', window = 500, qos = 1 } = options
    const { answerTimeoutMs = 20_000, httpUrl, rate } = options
    const { plan } = ledger
    const kinds = kindsOf(qos, httpUrl !== undefined)
    this.ledger = ledger
    this.badLedger = badLedger
    this.#isPaced = rate !== undefined
    this.#senders = Array.from({ length: plan.devices }, (_, device) => {
      const kind = kinds[device % kinds.length] ?? 'http'
      const pages = { page: ledger.open(device, epoch), badPage: badLedger?.open(device, epoch) }
      // One each: what they shared, the quickest to ask would have.
      const pace =
        rate === undefined
          ? undefined
          : new Pace(systemClock, rate / plan.devices, (device + 1) / plan.devices)
      const shared = { ...pages, plan, pace, answerTimeoutMs }
      return kind === 'http'
        ? new HttpClient({ ...shared, url: httpUrl ?? '', batch: window })
        : new Client({ ...shared, ...kind, host, port, prefix, window })
    })
  }

  start(): void {
    for (const sender of this.#senders) sender.start()
    if (!this.#isPaced) return
    this.#ticks = setInterval(() => {
      for (const sender of this.#senders) sender.pump()
    }, paceMs)
  }

  /** Makes no new connections until `resume`: what stands in the product then is what was sent before. */
  pause(): void {
    for (const sender of this.#senders) sender.pause()
  }

  resume(): void {
    for (const sender of this.#senders) sender.resume()
  }

  /** Whether any client has a connection that may still bring answers. */
  get connected(): boolean {
    return this.#senders.some((sender) => sender.hasSocket)
  }

  /** Records sent and not answered, now. */
  get inFlight(): number {
    return this.#sum((sender) => sender.inFlight)
  }

  /** Records that the server may hold without having answered, and of which it will make no further row when they come again. */
  get openRows(): number {
    return this.#sum((sender) => sender.openRows)
  }

  get acked(): number {
    return this.#sum((sender) => sender.acked)
  }

  get refused(): number {
    return this.#sum((sender) => sender.refused)
  }

  /** Connections that were accepted, and answers over HTTP. */
  get connections(): number {
    return this.#sum((sender) => sender.connections)
  }

  /** What the product did that the protocols forbid: answers that nobody waits for, packets that are none. */
  get violations(): readonly string[] {
    return this.#senders.flatMap((sender) => sender.violations)
  }

  /** Sends nothing new; resolves when every record sent is answered, rejects when the signal aborts first. */
  async finish(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>()
    const abort = (): void =>
      aborted.reject(new Error(`${this.inFlight} records are still unanswered`, { cause: signal.reason }))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([Promise.all(this.#senders.map((sender) => sender.finish())), aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
      clearInterval(this.#ticks)
    }
  }

  /** Leaves at once: what is unanswered stays unknown. */
  close(): void {
    clearInterval(this.#ticks)
    for (const sender of this.#senders) sender.close()
  }

  #sum(of: (sender: Sender) => number): number {
    return this.#senders.reduce((total, sender) => total + of(sender), 0)
  }
}

function kindsOf(qos: Qos, withHttp: boolean): readonly Kind[] {
  const [old, recent] = qos === 2 ? ([2, 2] as const) : ([1, 1] as const)
  const kinds: Kind[] = [
    { protocolVersion: 4, qos: old },
    { protocolVersion: 5, qos: recent },
  ]
  if (qos === 'mixed') kinds.push({ protocolVersion: 5, qos: 2 })
  if (withHttp) kinds.push('http')
  return kinds
}
