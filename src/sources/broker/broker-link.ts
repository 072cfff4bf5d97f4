import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { generate, type IPublishPacket, type Packet, parser as createParser } from 'mqtt-packet'
import { SourceFailure } from '../../core/source.ts'
import type { Clock } from '../../lib/clock.ts'
import { readTlsFiles } from '../tls-files.ts'
import { addressOf, type BrokerOptions } from './options.ts'
import { brokerFailure, connackReason } from './reason.ts'

/** What a link hands on. Called while a read is parsed: nothing here may wait. */
export interface LinkHandlers {
  /** `payload` is a view of the socket's memory, to be used before this returns. */
  publish(packet: IPublishPacket, payload: Buffer): void
  /** The messages of one read have been handed over. */
  readDone(): void
}

export interface Welcome {
  /** The broker held a session, with its subscriptions and messages. */
  readonly sessionPresent: boolean
  /** How long it keeps one, where it says so. */
  readonly sessionExpirySeconds: number | undefined
}

/**
 * One connection to a broker, from the socket to the subscriptions. The client libraries hold an acknowledgement back by handing over no
 * further message (docs/decisions/0005-broker-client.md), so the packets are read and written here. Acknowledgements leave in the order in
 * which the messages came (MQTT 5 §4.6), whoever calls `acknowledge` sees to that.
 */
export class BrokerLink {
  /** Rejects with SourceFailure once the connection is of no more use; `close` resolves it. */
  readonly ended: Promise<void>
  readonly #end = Promise.withResolvers<void>()
  readonly #options: BrokerOptions
  readonly #clock: Clock
  readonly #handlers: LinkHandlers
  readonly #socket: Socket
  readonly #parser: ReturnType<typeof createParser>
  readonly #protocol: { readonly protocolVersion: 4 | 5 }
  /** Who waits for which packet. */
  readonly #expected = new Map<Packet['cmd'], (packet: Packet) => void>()
  #pinger: NodeJS.Timeout | undefined
  #heardMs: number
  #isPaused = false
  #hasEnded = false
  #messageId = 0
  #isWelcome = false

  constructor(options: BrokerOptions, clock: Clock, handlers: LinkHandlers) {
    this.ended = this.#end.promise
    this.ended.catch(() => undefined) // who waits for something else hears of it there
    this.#options = options
    this.#clock = clock
    this.#handlers = handlers
    this.#heardMs = clock.monotonicMs()
    this.#protocol = { protocolVersion: options.version === '5' ? 5 : 4 }
    this.#parser = createParser(this.#protocol)
    this.#parser.on('packet', (packet) => this.#take(packet))
    this.#parser.on('error', (error: Error) =>
      this.#fail(`the broker sent what is no MQTT: ${error.message}`),
    )
    this.#socket = open(options)
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes))
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.on('close', () => this.#fail(this.#closedBy()))
  }

  /** Everything up to and with the subscriptions. Messages may be handed over before it resolves: those of a session that was kept. */
  async start(clientId: string, signal: AbortSignal): Promise<Welcome> {
    const abort = (): void => this.#fail('stopped')
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const { connectTimeoutMs } = this.#options
    const late = setTimeout(
      () => this.#fail(`the broker was not ready within ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    )
    try {
      return await this.#introduce(clientId)
    } finally {
      clearTimeout(late)
      signal.removeEventListener('abort', abort)
    }
  }

  /** PUBACKs, in the order of the ids. */
  acknowledge(messageIds: readonly number[]): void {
    const bytes = Buffer.allocUnsafe(messageIds.length * 4)
    let at = 0
    for (const id of messageIds) {
      // MQTT 5 §3.4: type 4, remaining length 2, the id; without a reason code it is a success.
      bytes[at] = 0x40
      bytes[at + 1] = 2
      bytes.writeUInt16BE(id, at + 2)
      at += 4
    }
    if (!this.#hasEnded) this.#socket.write(bytes)
  }

  /** Stops reading: the broker has to wait. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#heardMs = this.#clock.monotonicMs()
    this.#socket.resume()
  }

  /** Says goodbye; the session stays. Resolves when the socket is closed. */
  async close(): Promise<void> {
    clearInterval(this.#pinger)
    if (!this.#hasEnded) {
      this.#hasEnded = true
      this.#end.resolve()
      const { promise: isSent, resolve: sent } = Promise.withResolvers<void>()
      const late = setTimeout(sent, goodbyeMs)
      this.#socket.end(generate({ cmd: 'disconnect', reasonCode: 0 }, this.#protocol), sent)
      await isSent
      clearTimeout(late)
    }
    this.#socket.destroy()
  }

  async #introduce(clientId: string): Promise<Welcome> {
    const { user, password, keepAliveSeconds, sessionExpirySeconds, receiveMaximum, topics, version } =
      this.#options
    this.#send({
      cmd: 'connect',
      ...this.#protocol,
      protocolId: 'MQTT',
      clientId,
      clean: false,
      keepalive: keepAliveSeconds,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      ...(version === '5'
        ? { properties: { sessionExpiryInterval: sessionExpirySeconds, receiveMaximum } }
        : {}),
    })
    const connack = await this.#answer('connack')
    if (connack.cmd !== 'connack') throw new TypeError('asked for a CONNACK')
    const { reasonCode, returnCode, properties, sessionPresent } = connack
    const code = connackReason(reasonCode ?? returnCode ?? 0)
    if (code !== 0) throw brokerFailure('the broker refuses the connection', code, properties?.reasonString)
    this.#isWelcome = true
    if (
      properties?.sharedSubscriptionAvailable === false &&
      topics.some((topic) => topic.startsWith('$share/'))
    )
      throw brokerFailure('the broker offers no $share filters', 0x9e, undefined)
    this.#keepAlive(properties?.serverKeepAlive ?? keepAliveSeconds)
    await this.#subscribe()
    return { sessionPresent, sessionExpirySeconds: properties?.sessionExpiryInterval }
  }

  /** Also where the session was kept: the topics may be other ones today. */
  async #subscribe(): Promise<void> {
    const { topics, version } = this.#options
    // Retained messages only where the subscription is new (MQTT 5 §3.8.3.1).
    const options = version === '5' ? { rh: 1, nl: false, rap: true } : {}
    this.#send({
      cmd: 'subscribe',
      messageId: ++this.#messageId,
      subscriptions: topics.map((topic) => ({ topic, qos: 1, ...options })),
    })
    const suback = await this.#answer('suback')
    if (suback.cmd !== 'suback') throw new TypeError('asked for a SUBACK')
    for (const [i, topic] of topics.entries()) {
      const granted = Number(suback.granted[i] ?? 0x80)
      const what = `the broker refuses the subscription to ${topic}`
      if (granted >= 0x80) {
        const code = version === '5' ? granted : 0x87
        throw brokerFailure(what, code, suback.properties?.reasonString)
      }
      if (granted === 0)
        throw new SourceFailure('stop', `${what} at QoS 1: at QoS 0 it would not wait for acknowledgements`)
    }
  }

  /** Drops the subscriptions that a session of earlier days may hold. */
  async unsubscribe(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return
    this.#send({ cmd: 'unsubscribe', messageId: ++this.#messageId, unsubscriptions: [...topics] })
    await this.#answer('unsuback')
  }

  /** The next packet of that kind; rejects if the connection ends before it. */
  #answer(cmd: Packet['cmd']): Promise<Packet> {
    const came = Promise.withResolvers<Packet>()
    this.#expected.set(cmd, came.resolve)
    return Promise.race([came.promise, this.ended.then(() => Promise.reject(new Error('closed')))])
  }

  #send(packet: Packet): void {
    if (!this.#hasEnded) this.#socket.write(generate(packet, this.#protocol))
  }

  #read(bytes: Buffer): void {
    this.#heardMs = this.#clock.monotonicMs()
    if (this.#hasEnded) return
    this.#parser.parse(bytes)
    this.#handlers.readDone()
  }

  #take(packet: Packet): void {
    if (this.#hasEnded) return
    if (packet.cmd === 'publish') {
      const { payload } = packet
      if (packet.qos === 2) this.#fail('the broker sent a message at QoS 2, which nobody asked for')
      else this.#handlers.publish(packet, typeof payload === 'string' ? Buffer.from(payload) : payload)
      return
    }
    if (packet.cmd === 'disconnect') {
      const { reasonCode = 0, properties } = packet
      this.#fail(brokerFailure('the broker has ended the connection', reasonCode, properties?.reasonString))
      return
    }
    const expected = this.#expected.get(packet.cmd)
    this.#expected.delete(packet.cmd)
    expected?.(packet)
  }

  /** PINGREQ twice in each interval; whatever the broker says shows that it is there. While nothing is read it cannot show that. */
  #keepAlive(seconds: number): void {
    if (seconds === 0) return
    this.#pinger = setInterval(() => {
      const silentMs = this.#clock.monotonicMs() - this.#heardMs
      if (!this.#isPaused && silentMs > seconds * 1500)
        this.#fail(`the broker has said nothing for ${Math.round(silentMs / 1000)} s`)
      else if (!this.#hasEnded) this.#socket.write(pingRequest)
    }, seconds * 500)
  }

  #closedBy(): string {
    if (this.#isWelcome)
      return 'the broker has closed the connection: it stops, or another client came with our client id'
    const hint = this.#options.version === '5' ? '; a broker that speaks only 3.1.1 needs version: 3.1.1' : ''
    return `the broker has closed the connection without an answer${hint}`
  }

  #failed(error: Error & { code?: string }): void {
    // What a certificate lacks it will lack the next time too.
    const kind = /CERT|TLS|SELF_SIGNED|UNABLE_TO_/.test(error.code ?? '') ? 'stop' : 'retry'
    this.#fail(new SourceFailure(kind, `${this.#options.url}: ${error.message || error.code}`, error))
  }

  #fail(failure: string | SourceFailure): void {
    clearInterval(this.#pinger)
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#end.reject(typeof failure === 'string' ? new SourceFailure('retry', failure) : failure)
    this.#socket.destroy()
  }
}

const pingRequest = Buffer.from([0xc0, 0])
/** For the last bytes to a broker that does not read. */
const goodbyeMs = 500

/** @throws SourceFailure `stop` where a file of TLS cannot be used. */
function open(options: BrokerOptions): Socket {
  const { host, port, isTls } = addressOf(options.url)
  if (!isTls) return connectTcp({ host, port })
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...readTlsFiles(options),
  })
}
