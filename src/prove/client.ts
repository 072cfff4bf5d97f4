import net from 'node:net'
import mqttPacket from 'mqtt-packet'
import type { LedgerPage } from './ledger.ts'
import { deviceName, type Plan, plannedRecord } from './plan.ts'

export interface ClientOptions {
  readonly host: string
  readonly port: number
  readonly plan: Plan
  /** Which device this is, which life of it, and where it writes down what it did. */
  readonly page: LedgerPage
  /** Records in flight at most, below 65,536. */
  readonly window: number
  readonly protocolVersion: 4 | 5
  /** A connection that answers nothing for so long is given up and made anew. */
  readonly answerTimeoutMs: number
}

/**
 * One verifying device: publishes its records in order with QoS 1, keeps a window of them in flight, and writes every send and every answer
 * into its page of the ledger. When the connection is lost it makes a new one and sends what is unanswered again, in order and with the
 * same content, before anything new.
 */
export class Client {
  readonly #options: ClientOptions
  /** Sequence numbers on the wire by packet id, oldest first. */
  #inFlight = new Map<number, number>()
  /** Sequence numbers to send again, oldest first, and how many of them are sent. */
  #again: readonly number[] = []
  #againSent = 0
  #next: number
  #lastId = 0
  #socket: net.Socket | undefined
  /** From the attempt to connect to the end of the connection: answers may still come. */
  hasSocket = false
  #connected = false
  #isPaused = false
  #retryMs = firstRetryMs
  #timer: NodeJS.Timeout | undefined
  #state: 'sending' | 'finishing' | 'closed' = 'sending'
  readonly #finished = Promise.withResolvers<void>()
  /** What the other side did that the protocol forbids. */
  readonly violations: string[] = []
  /** Answers, of this life. */
  acked = 0
  refused = 0
  connections = 0

  constructor(options: ClientOptions) {
    this.#options = options
    this.#next = options.page.length
  }

  start(): void {
    this.#connect()
  }

  /** Records sent and not answered. */
  get inFlight(): number {
    return this.#inFlight.size + this.#again.length - this.#againSent
  }

  /** Stays away after a lost connection until `resume`. */
  pause(): void {
    this.#isPaused = true
    clearTimeout(this.#timer)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (!this.hasSocket) this.#connectAgain()
  }

  /** Sends nothing new any more; resolves when everything sent is answered. */
  finish(): Promise<void> {
    if (this.#state === 'sending') this.#state = 'finishing'
    this.#finishIfAnswered()
    return this.#finished.promise
  }

  /** Leaves at once: what is unanswered stays unknown. */
  close(): void {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #connect(): void {
    const { host, port, protocolVersion, page, answerTimeoutMs } = this.#options
    const socket = net.connect({ host, port, noDelay: true })
    this.#socket = socket
    this.hasSocket = true
    const parser = mqttPacket.parser({ protocolVersion })
    parser.on('packet', (packet) => this.#take(packet))
    parser.on('error', (error: Error) => this.#violate(error.message))
    socket.setTimeout(answerTimeoutMs, () => {
      if (this.inFlight > 0 || !this.#connected) socket.destroy()
    })
    socket.on('connect', () => {
      const clientId = `${deviceName(page.device)}-${page.epoch}`
      socket.write(
        mqttPacket.generate({ cmd: 'connect', clientId, protocolVersion, clean: true, keepalive: 0 }),
      )
    })
    socket.on('data', (bytes) => {
      if (typeof bytes === 'string') return // never: no encoding is set
      parser.parse(bytes)
      this.#pump()
      this.#finishIfAnswered()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => this.#lost())
  }

  #lost(): void {
    this.hasSocket = false
    this.#connected = false
    if (this.#state === 'closed') return
    this.#again = [...this.#inFlight.values(), ...this.#again.slice(this.#againSent)]
    this.#againSent = 0
    this.#inFlight = new Map()
    this.#finishIfAnswered()
    if (!this.#isPaused) this.#connectAgain()
  }

  #connectAgain(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs)
  }

  #take(packet: mqttPacket.Packet): void {
    if (packet.cmd === 'connack') {
      if ((packet.returnCode ?? packet.reasonCode ?? 0) !== 0) {
        this.#socket?.destroy() // a server that starts up may say no for a while
        return
      }
      this.#connected = true
      this.#retryMs = firstRetryMs
      this.connections++
      return
    }
    if (packet.cmd === 'disconnect') return // MQTT 5: the server says why it goes
    const sequence = packet.cmd === 'puback' ? this.#inFlight.get(packet.messageId ?? 0) : undefined
    if (packet.cmd !== 'puback' || sequence === undefined) {
      this.#violate(`${packet.cmd} ${packet.messageId ?? ''} that nobody waits for`)
      return
    }
    this.#inFlight.delete(packet.messageId ?? 0)
    if ((packet.reasonCode ?? 0) >= 0x80) {
      this.#options.page.refused(sequence)
      this.refused++
    } else {
      this.#options.page.acked(sequence)
      this.acked++
    }
  }

  /** Fills the window, first with what must go again. */
  #pump(): void {
    const socket = this.#socket
    if (!this.#connected || socket === undefined || socket.destroyed || this.#state === 'closed') return
    const { window } = this.#options
    socket.cork()
    while (this.#inFlight.size < window && this.#againSent < this.#again.length) {
      socket.write(this.#publish(this.#again[this.#againSent++] ?? 0, true))
    }
    while (this.#inFlight.size < window && this.#state === 'sending') {
      socket.write(this.#publish(this.#next++, false))
    }
    socket.uncork()
  }

  #publish(sequence: number, again: boolean): Buffer {
    const { plan, page, protocolVersion } = this.#options
    const { device, metric, time, value } = plannedRecord(plan, {
      device: page.device,
      epoch: page.epoch,
      sequence,
    })
    do this.#lastId = this.#lastId === 65_535 ? 1 : this.#lastId + 1
    while (this.#inFlight.has(this.#lastId))
    this.#inFlight.set(this.#lastId, sequence)
    page.sent(sequence)
    return mqttPacket.generate(
      {
        cmd: 'publish',
        topic: `dev/${device}/${metric}`,
        payload: `{"v":${value},"q":"good","ts":${time / 1000}}`,
        qos: 1,
        dup: again,
        retain: false,
        messageId: this.#lastId,
      },
      { protocolVersion },
    )
  }

  #finishIfAnswered(): void {
    if (this.#state !== 'finishing' || this.inFlight > 0) return
    const { protocolVersion } = this.#options
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#socket?.end(mqttPacket.generate({ cmd: 'disconnect', reasonCode: 0 }, { protocolVersion }))
    this.#finished.resolve()
  }

  #violate(what: string): void {
    if (this.violations.length < 10) this.violations.push(`${deviceName(this.#options.page.device)}: ${what}`)
    this.#socket?.destroy()
  }
}

const firstRetryMs = 20
const maxRetryMs = 500
