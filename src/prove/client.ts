import net from 'node:net'
import mqttPacket from 'mqtt-packet'
import { badMetric, badRecord, isFollowedByBad } from './bad-record.ts'
import type { LedgerPage } from './ledger.ts'
import type { Pace } from './pace.ts'
import { deviceName, type Plan, plannedRecord, type RecordPlace } from './plan.ts'
import type { Sender } from './sender.ts'

export interface ClientOptions {
  readonly host: string
  readonly port: number
  readonly plan: Plan
  /** Which device this is, which life of it, and where it writes down what it did. */
  readonly page: LedgerPage
  /** Where it writes down its bad records; it sends none where there is no such page. */
  readonly badPage?: LedgerPage | undefined
  /** How fast it may send; without one as fast as it can. */
  readonly pace?: Pace | undefined
  /** First level of its topics. */
  readonly prefix: string
  /** Records in flight at most, below 65,536. */
  readonly window: number
  readonly protocolVersion: 4 | 5
  /** 2: in a session that outlives its connections, in which a record that is sent again is taken once. */
  readonly qos: 1 | 2
  /** A connection that answers nothing for so long is given up and made anew. */
  readonly answerTimeoutMs: number
}

/** A record whose packet id is not free yet. */
interface InFlight {
  /** That of good records, or of bad ones. */
  readonly page: LedgerPage
  readonly sequence: number
  /** PUBREC has come: the record is acknowledged, and PUBREL gives its id back (QoS 2). */
  isReceived: boolean
}

/**
 * One verifying device: publishes its records in order, keeps a window of them in flight, and writes every send and every answer into its
 * page of the ledger. When the connection is lost it makes a new one and sends what is unanswered again, in order, with the same packet ids
 * and content, before anything new. Packet ids are used again soon, so that one which is not free at the other side is noticed.
 */
export class Client implements Sender {
  readonly #options: ClientOptions
  /** By packet id, oldest first. */
  readonly #inFlight = new Map<number, InFlight>()
  #next: number
  /** A bad record comes before the next good one. */
  #owesBad = false
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
    options.page.isOnce = options.qos === 2
    if (options.badPage !== undefined) options.badPage.isOnce = options.qos === 2
  }

  start(): void {
    this.#connect()
  }

  get openRows(): number {
    return this.#options.qos === 1 ? 0 : this.#inFlight.size
  }

  /** Records sent and not answered. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Stays away after a lost connection until `resume`. */
  pause(): void {
    this.#isPaused = true
    clearTimeout(this.#timer)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (!this.hasSocket && this.#state !== 'closed') this.#connectAgain()
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
    const { host, port, protocolVersion, answerTimeoutMs } = this.#options
    const socket = net.connect({ host, port, noDelay: true })
    this.#socket = socket
    this.hasSocket = true
    const parser = mqttPacket.parser({ protocolVersion })
    parser.on('packet', (packet) => this.#take(packet))
    parser.on('error', (error: Error) => this.#violate(error.message))
    socket.setTimeout(answerTimeoutMs, () => {
      if (this.inFlight > 0 || !this.#connected) socket.destroy()
    })
    socket.on('connect', () => this.#send(this.#connectPacket()))
    socket.on('data', (bytes) => {
      if (typeof bytes === 'string') return // never: no encoding is set
      socket.cork()
      parser.parse(bytes)
      this.pump()
      socket.uncork()
      this.#finishIfAnswered()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => this.#lost())
  }

  #lost(): void {
    this.hasSocket = false
    this.#connected = false
    if (this.#state === 'closed') return
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
      this.#accepted(packet.sessionPresent)
      return
    }
    if (packet.cmd === 'disconnect') return // MQTT 5: the server says why it goes
    const id = packet.messageId ?? 0
    const entry = this.#inFlight.get(id)
    if (entry === undefined || packet.cmd !== this.#awaited(entry)) {
      this.#violate(`${packet.cmd} ${packet.messageId ?? ''} that nobody waits for`)
      return
    }
    if (packet.cmd === 'pubcomp') {
      this.#inFlight.delete(id)
      return
    }
    const { page } = entry
    const isGood = page === this.#options.page
    if ((packet.reasonCode ?? 0) >= 0x80) {
      this.#inFlight.delete(id)
      page.refused(entry.sequence)
      if (isGood) this.refused++
      return
    }
    page.acked(entry.sequence)
    if (isGood) this.acked++
    if (packet.cmd === 'puback') this.#inFlight.delete(id)
    else {
      entry.isReceived = true
      this.#send({ cmd: 'pubrel', messageId: id })
    }
  }

  #awaited({ isReceived }: InFlight): 'puback' | 'pubrec' | 'pubcomp' {
    if (this.#options.qos === 1) return 'puback'
    return isReceived ? 'pubcomp' : 'pubrec'
  }

  /** CONNACK: what is in flight goes again before anything new (MQTT 5 §4.4). */
  #accepted(isSessionPresent: boolean): void {
    if (this.#options.qos === 2 && this.connections > 0 && !isSessionPresent) {
      this.#violate('the session is gone')
      return
    }
    this.#connected = true
    this.#retryMs = firstRetryMs
    this.connections++
    for (const [messageId, entry] of this.#inFlight) {
      if (entry.isReceived) this.#send({ cmd: 'pubrel', messageId })
      else this.#publish(messageId, entry, true)
    }
  }

  /** Fills the window, as far as the pace allows. */
  pump(): void {
    const { window, page, badPage, pace } = this.#options
    if (!this.#connected || this.#socket?.destroyed !== false) return
    while (this.#inFlight.size < window && this.#state === 'sending') {
      if (pace?.take() === false) return
      const isBad = this.#owesBad && badPage !== undefined
      const entry = isBad
        ? { page: badPage, sequence: badPage.length, isReceived: false }
        : { page, sequence: this.#next++, isReceived: false }
      this.#owesBad = !isBad && isFollowedByBad(entry.sequence)
      const id = this.#freeId()
      this.#inFlight.set(id, entry)
      this.#publish(id, entry, false)
    }
  }

  #freeId(): number {
    const ids = Math.min(2 * this.#options.window, 65_535)
    do this.#lastId = this.#lastId >= ids ? 1 : this.#lastId + 1
    while (this.#inFlight.has(this.#lastId))
    return this.#lastId
  }

  #publish(messageId: number, { page, sequence }: InFlight, dup: boolean): void {
    const { plan, qos, prefix } = this.#options
    const place = { device: page.device, epoch: page.epoch, sequence }
    page.sent(sequence)
    const [metric, payload] =
      page === this.#options.page ? goodMessage(plan, place) : [badMetric, badRecord(plan, place)]
    const topic = `${prefix}/${deviceName(plan, page.device)}/${metric}`
    this.#send({ cmd: 'publish', topic, payload, qos, dup, retain: false, messageId })
  }

  #connectPacket(): mqttPacket.IConnectPacket {
    const { plan, page, prefix, protocolVersion, qos } = this.#options
    const clientId = `${prefix}-${deviceName(plan, page.device)}-${page.epoch}`
    const properties = qos === 2 && protocolVersion === 5 ? { sessionExpiryInterval: sessionSeconds } : {}
    return { cmd: 'connect', clientId, protocolVersion, clean: qos === 1, keepalive: 0, properties }
  }

  #send(packet: mqttPacket.Packet): void {
    const { protocolVersion } = this.#options
    this.#socket?.write(mqttPacket.generate(packet, { protocolVersion }))
  }

  #finishIfAnswered(): void {
    if (this.#state !== 'finishing' || this.inFlight > 0) return
    this.#state = 'closed'
    clearTimeout(this.#timer)
    const ending = { sessionExpiryInterval: 0 }
    this.#send({ cmd: 'disconnect', reasonCode: 0, properties: ending })
    this.#socket?.end()
    this.#finished.resolve()
  }

  #violate(what: string): void {
    const { plan, page } = this.#options
    if (this.violations.length < 10) this.violations.push(`${deviceName(plan, page.device)}: ${what}`)
    this.#socket?.destroy()
  }
}

function goodMessage(plan: Plan, place: RecordPlace): [metric: string, payload: string] {
  const { metric, time, value } = plannedRecord(plan, place)
  const ts = plan.identity === 'number' ? '' : `,"ts":${time / 1000}`
  return [metric, `{"v":${value},"q":"good"${ts}}`]
}

const firstRetryMs = 20
const maxRetryMs = 500
/** How long a session waits for its client (MQTT 5; in 3.1.1 the server says). */
const sessionSeconds = 3600
