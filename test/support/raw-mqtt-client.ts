import { once } from 'node:events'
import net from 'node:net'
import {
  generate,
  type IPublishPacket,
  type ISubscribePacket,
  type ISubscription,
  type Packet,
  parser,
} from 'mqtt-packet'

export type PacketOf<C extends Packet['cmd']> = Extract<Packet, { cmd: C }>

/** An MQTT client that does what the test says, byte by byte, and remembers every packet it gets. */
export class RawMqttClient {
  readonly socket: net.Socket
  readonly version: 4 | 5
  readonly packets: Packet[] = []
  readonly closed: Promise<unknown>
  isClosed = false
  /** Whether it answers messages: PUBACK, PUBREC, PUBCOMP. */
  answers = false
  /** The server's answer to CONNECT. */
  connack: PacketOf<'connack'> | undefined
  #lastId = 0
  #waiters: (() => void)[] = []

  private constructor(socket: net.Socket, version: 4 | 5) {
    this.socket = socket
    this.version = version
    const reader = parser({ protocolVersion: version })
    reader.on('packet', (packet) => {
      this.packets.push(packet)
      if (this.answers) this.#answer(packet)
      this.#wake()
    })
    socket.on('data', (bytes) => {
      if (typeof bytes !== 'string') reader.parse(bytes)
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true
        this.#wake()
        resolve(undefined)
      })
    })
  }

  static async open(port: number, version: 4 | 5 = 4, host = '127.0.0.1'): Promise<RawMqttClient> {
    const socket = net.connect({ port, host, noDelay: true })
    await once(socket, 'connect')
    return new RawMqttClient(socket, version)
  }

  /** Opens and sends CONNECT; resolves with CONNACK received. */
  static async connect(
    port: number,
    version: 4 | 5 = 4,
    connect: Partial<PacketOf<'connect'>> = {},
  ): Promise<RawMqttClient> {
    const client = await RawMqttClient.open(port, version)
    await client.enter(connect)
    return client
  }

  /** Sends CONNECT; resolves with CONNACK received. */
  async enter(connect: Partial<PacketOf<'connect'>> = {}): Promise<void> {
    this.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 0, ...connect })
    this.connack = await this.next('connack')
  }

  /** Subscribes at QoS 2 to what is a text; resolves with what was granted. */
  async subscribe(
    wanted: readonly (string | ISubscription)[],
    properties: ISubscribePacket['properties'] = {},
  ): Promise<readonly unknown[]> {
    const subscriptions = wanted.map((one) => ({
      ...{ qos: 2 as const, nl: false, rap: false, rh: 0 },
      ...(typeof one === 'string' ? { topic: one } : one),
    }))
    this.send({ cmd: 'subscribe', messageId: ++this.#lastId, subscriptions, properties })
    return (await this.next('suback')).granted
  }

  async unsubscribe(...unsubscriptions: string[]): Promise<void> {
    this.send({ cmd: 'unsubscribe', messageId: ++this.#lastId, unsubscriptions })
    await this.next('unsuback')
  }

  /** Publishes, and sees its own part of QoS 1 and 2 through; resolves with the reason code of PUBACK or PUBREC. */
  async say(
    topic: string,
    payload: string | Buffer,
    qos: 0 | 1 | 2 = 1,
    more: Partial<IPublishPacket> = {},
  ): Promise<number> {
    const messageId = qos === 0 ? 0 : ++this.#lastId
    this.write(this.publish(topic, payload, messageId, { qos, ...more }))
    if (qos === 0) return 0
    if (qos === 1) return (await this.next('puback')).reasonCode ?? 0
    const { reasonCode = 0 } = await this.next('pubrec')
    if (reasonCode >= 0x80) return reasonCode
    this.send({ cmd: 'pubrel', messageId })
    await this.next('pubcomp')
    return reasonCode
  }

  /** The next so many messages. */
  async messages(count: number): Promise<IPublishPacket[]> {
    const messages: IPublishPacket[] = []
    while (messages.length < count) messages.push(await this.next('publish'))
    return messages
  }

  /** The messages up to the one with that payload, which is left out. */
  async messagesUntil(payload: string): Promise<IPublishPacket[]> {
    const messages: IPublishPacket[] = []
    for (;;) {
      const message = await this.next('publish')
      if (message.payload.toString() === payload) return messages
      messages.push(message)
    }
  }

  /** DISCONNECT; resolves when the server has closed. */
  async leave(properties: PacketOf<'disconnect'>['properties'] = {}): Promise<void> {
    this.answers = false
    this.send({ cmd: 'disconnect', properties })
    await this.closed
  }

  send(packet: Packet): void {
    this.write(this.encode(packet))
  }

  encode(packet: Packet): Buffer {
    const whole =
      packet.cmd === 'connect'
        ? { protocolId: 'MQTT' as const, protocolVersion: this.version, ...packet }
        : packet
    return generate(whole, { protocolVersion: this.version })
  }

  publish(
    topic: string,
    payload: string | Buffer,
    messageId = 0,
    more: Partial<IPublishPacket> = {},
  ): Buffer {
    const qos = messageId === 0 ? 0 : 1
    return this.encode({ cmd: 'publish', topic, payload, qos, messageId, dup: false, retain: false, ...more })
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next packet of that kind that was not asked for yet; rejects if the connection ends without it. */
  async next<C extends Packet['cmd']>(cmd: C): Promise<PacketOf<C>> {
    for (;;) {
      const index = this.packets.findIndex((packet) => packet.cmd === cmd)
      if (index >= 0) return this.packets.splice(index, 1)[0] as PacketOf<C> // found by its cmd
      if (this.isClosed) throw new Error(`the connection ended without ${cmd}`)
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  /** All acknowledged packet ids so far are given back, in order, once there are `count` of them. */
  async acknowledged(count: number): Promise<number[]> {
    const ids: number[] = []
    while (ids.length < count) ids.push((await this.next('puback')).messageId ?? 0)
    return ids
  }

  /** Everything sent before was walked by the server when this resolves. */
  async ping(): Promise<void> {
    this.send({ cmd: 'pingreq' })
    await this.next('pingresp')
  }

  destroy(): void {
    this.socket.destroy()
  }

  [Symbol.dispose](): void {
    this.destroy()
  }

  #answer(packet: Packet): void {
    const messageId = packet.messageId ?? 0
    if (packet.cmd === 'publish' && packet.qos === 1) this.send({ cmd: 'puback', messageId })
    if (packet.cmd === 'publish' && packet.qos === 2) this.send({ cmd: 'pubrec', messageId })
    if (packet.cmd === 'pubrel') this.send({ cmd: 'pubcomp', messageId })
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
