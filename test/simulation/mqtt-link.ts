import { generate, type Packet, parser } from 'mqtt-packet'
import { Connection } from '../../src/sources/mqtt/connection/connection.ts'
import type { Wire } from '../../src/sources/mqtt/connection/wire.ts'
import type { GatewayContext } from '../../src/sources/mqtt/gateway-context.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

export interface MqttListener {
  /** The gateway has written it: whether it arrives or not, it is said. */
  said(packet: Packet): void
  /** It has arrived. */
  heard(packet: Packet): void
  /** The connection is gone. */
  lost(): void
}

/** One connection between a client of the world and a gateway of the program: bytes travel as tasks, and come in any pieces. */
export class MqttLink implements Wire {
  readonly remoteAddress = '127.0.0.1'
  readonly #world: World
  readonly #client: MqttListener
  readonly #version: 4 | 5
  readonly #reader: ReturnType<typeof parser>
  readonly #connection: Connection
  readonly #gateway: GatewayContext
  readonly #name: string
  #isPaused = false
  readonly #held: Uint8Array[] = []
  #isGone = false
  #isEnding = false
  #hasHungUp = false
  /** The program is dead: nothing reaches it. */
  #isDead = false

  constructor(world: World, gateway: GatewayContext, version: 4 | 5, client: MqttListener) {
    this.#world = world
    this.#client = client
    this.#version = version
    this.#name = `link ${world.nextId()}`
    this.#reader = parser({ protocolVersion: version })
    this.#reader.on('packet', (packet) => this.#say(packet))
    this.#reader.on('error', (error: Error) => {
      throw new Violation(`the gateway sends what is no MQTT: ${error.message}`)
    })
    this.#gateway = gateway
    this.#connection = new Connection(gateway, this)
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Whatever ended it, it was that gateway, and not the client. */
  isFor(gateway: GatewayContext): boolean {
    return this.#gateway === gateway && !this.#hasHungUp
  }

  // Of the client.

  send(...packets: readonly Packet[]): void {
    if (this.#isGone) return
    const bytes = Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: this.#version })))
    const cut = this.#world.chance(0.2) ? this.#world.below(bytes.length) : 0
    if (cut > 0) this.#travel(bytes.subarray(0, cut))
    this.#travel(bytes.subarray(cut))
  }

  /** Goes without a word. */
  hangUp(): void {
    if (this.#isGone) return
    this.#hasHungUp = true
    this.#goAway()
    this.#up('a client is gone', () => this.#connection.closed())
  }

  // Of the gateway.

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#isGone || this.#isEnding) return
    this.#reader.parse(Buffer.from(bytes))
    this.#world.post('network', 'bytes are taken', done, 'program', `${this.#name} taken`)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    for (let i = 0; i < this.#held.length; i++) this.#up('bytes are read', () => this.#read())
  }

  end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.destroy()
  }

  destroy(): void {
    this.#up('a connection is closed', () => this.#connection.closed())
    this.#down('the connection ends', () => this.#goAway())
  }

  /** The program is dead. */
  die(): void {
    this.#isDead = true
    this.#down('the connection breaks', () => this.#goAway())
  }

  #say(packet: Packet): void {
    this.#client.said(packet)
    this.#down(packet.cmd, () => {
      if (!this.#isGone) this.#client.heard(packet)
    })
  }

  #travel(bytes: Uint8Array): void {
    this.#up('bytes arrive', () => {
      this.#held.push(bytes)
      this.#read()
    })
  }

  /** What came first of that which has not been read. */
  #read(): void {
    const bytes = this.#isPaused || this.#isEnding ? undefined : this.#held.shift()
    if (bytes !== undefined) this.#connection.received(bytes)
  }

  #up(what: string, run: () => void): void {
    if (!this.#isDead) this.#world.post('network', what, run, 'program', `${this.#name} up`)
  }

  #down(what: string, run: () => void): void {
    this.#world.post('network', what, run, 'outside', `${this.#name} down`)
  }

  #goAway(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#client.lost()
  }
}
