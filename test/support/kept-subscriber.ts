import net from 'node:net'
import mqttPacket from 'mqtt-packet'

export interface KeptSubscriberOptions {
  readonly port: number
  readonly clientId: string
  readonly version: 4 | 5
  readonly qos: 1 | 2
  readonly filters: readonly string[]
  /** Messages that it lets be in flight (MQTT 5). */
  readonly receiveMaximum: number
  /** Every message, as a client hands it to its program: at QoS 2 not again what it has by its packet id. */
  take(topic: string, payload: string): void
}

/**
 * A subscriber with a session that outlives its connections, and with the store of packet ids that QoS 2 asks of a client. It comes back when
 * a connection is lost, unless it is away by its own will.
 */
export class KeptSubscriber {
  readonly #options: KeptSubscriberOptions
  /** Packet ids of QoS 2 messages that it has and whose PUBREL has not come (MQTT 5 §4.3.3). */
  readonly #received = new Set<number>()
  readonly #subscribed = Promise.withResolvers<void>()
  #isSubscribed = false
  #isAway = false
  #isEnded = false
  #socket: net.Socket | undefined
  #timer: NodeJS.Timeout | undefined
  /** What the other side did that the protocol forbids. */
  readonly violations: string[] = []
  connections = 0
  /** Messages that came again with a packet id that it has. */
  repeats = 0

  constructor(options: KeptSubscriberOptions) {
    this.#options = options
  }

  /** Connects; resolves when it has its SUBACK. */
  start(): Promise<void> {
    this.#connect()
    return this.#subscribed.promise
  }

  /** Goes, with or without a word, until `comeBack`. */
  leave(politely: boolean): void {
    this.#isAway = true
    clearTimeout(this.#timer)
    if (politely && this.#socket?.readyState === 'open') {
      this.#send({ cmd: 'disconnect', reasonCode: 0 })
      this.#socket.end()
    } else this.#socket?.destroy()
  }

  comeBack(): void {
    if (!this.#isAway || this.#isEnded) return
    this.#isAway = false
    if (this.#socket === undefined) this.#connect()
  }

  /** Gives up the session; resolves when the other side knows it. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.leave(false)
    while (this.#socket !== undefined) await new Promise(setImmediate)
    const { port, clientId, version: protocolVersion } = this.#options
    const ended = Promise.withResolvers<void>()
    const socket = net.connect({ port, host: '127.0.0.1' })
    socket.on('error', ended.reject)
    socket.once('data', () => ended.resolve()) // CONNACK of a clean session
    socket.write(
      mqttPacket.generate({ cmd: 'connect', clientId, protocolVersion, clean: true, keepalive: 0 }),
    )
    await ended.promise
    socket.end(mqttPacket.generate({ cmd: 'disconnect', reasonCode: 0 }, { protocolVersion }))
  }

  /** Leaves for good. */
  close(): void {
    this.#isEnded = true
    this.leave(false)
  }

  #connect(): void {
    const { port, clientId, version: protocolVersion, receiveMaximum } = this.#options
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    const parser = mqttPacket.parser({ protocolVersion })
    parser.on('packet', (packet) => this.#receive(packet))
    parser.on('error', (error: Error) => this.#violate(error.message))
    socket.on('connect', () => {
      const lasting = protocolVersion === 5 ? { sessionExpiryInterval: 3600, receiveMaximum } : {}
      const connect = { cmd: 'connect', clientId, protocolVersion, clean: false, keepalive: 0 } as const
      this.#send({ ...connect, properties: lasting })
    })
    socket.on('data', (bytes) => {
      if (typeof bytes === 'string' || this.#isAway) return
      socket.cork()
      parser.parse(bytes)
      socket.uncork()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => {
      this.#socket = undefined
      if (!this.#isAway) this.#timer = setTimeout(() => this.#connect(), retryMs)
    })
  }

  #receive(packet: mqttPacket.Packet): void {
    if (this.#isAway) return
    const messageId = packet.messageId ?? 0
    switch (packet.cmd) {
      case 'connack':
        this.#accepted(packet.sessionPresent)
        return
      case 'suback':
        if (packet.granted.some((granted) => granted !== this.#options.qos)) this.#violate('less was granted')
        this.#isSubscribed = true
        this.#subscribed.resolve()
        return
      case 'publish':
        this.#publish(packet, messageId)
        return
      case 'pubrel':
        this.#received.delete(messageId)
        this.#send({ cmd: 'pubcomp', messageId })
        return
      case 'disconnect':
        return
      default:
        this.#violate(`${packet.cmd} that nobody waits for`)
    }
  }

  #accepted(isSessionPresent: boolean): void {
    const { filters, qos } = this.#options
    this.connections++
    if (this.#isSubscribed) {
      if (!isSessionPresent) this.#violate('the session is gone')
      return
    }
    const subscriptions = filters.map((topic) => ({ topic, qos }))
    this.#send({ cmd: 'subscribe', messageId: 1, subscriptions })
  }

  #publish({ topic, payload, qos, dup }: mqttPacket.IPublishPacket, messageId: number): void {
    if (qos === 2) {
      if (this.#received.has(messageId)) {
        this.repeats++
        if (!dup) this.#violate(`packet id ${messageId} is used again before its PUBREL`)
      } else this.#options.take(topic, payload.toString())
      this.#received.add(messageId)
      this.#send({ cmd: 'pubrec', messageId })
    } else {
      this.#options.take(topic, payload.toString())
      if (qos === 1) this.#send({ cmd: 'puback', messageId })
    }
  }

  #send(packet: mqttPacket.Packet): void {
    this.#socket?.write(mqttPacket.generate(packet, { protocolVersion: this.#options.version }))
  }

  #violate(what: string): void {
    if (this.violations.length < 10) this.violations.push(`${this.#options.clientId}: ${what}`)
    this.#socket?.destroy()
  }
}

const retryMs = 30
