import { once } from 'node:events'
import net from 'node:net'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'

export type PacketOf<C extends Packet['cmd']> = Extract<Packet, { cmd: C }>

/** An MQTT client that does what the test says, byte by byte, and remembers every packet it gets. */
export class RawMqttClient {
  readonly socket: net.Socket
  readonly version: 4 | 5
  readonly packets: Packet[] = []
  readonly closed: Promise<unknown>
  isClosed = false
  #waiters: (() => void)[] = []

  private constructor(socket: net.Socket, version: 4 | 5) {
    this.socket = socket
    this.version = version
    const reader = parser({ protocolVersion: version })
    reader.on('packet', (packet) => {
      this.packets.push(packet)
      this.#wake()
    })
    socket.on('data', (bytes) => {
      if (typeof bytes !== 'string') reader.parse(bytes)
    })
    socket.on('error', () => {})
    this.closed = once(socket, 'close').then(() => {
      this.isClosed = true
      this.#wake()
    })
  }

  static async open(port: number, version: 4 | 5 = 4): Promise<RawMqttClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
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
    client.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 0, ...connect })
    await client.next('connack')
    return client
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

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
