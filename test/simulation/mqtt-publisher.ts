import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet'
import type { GatewayContext } from '../../src/sources/mqtt/gateway-context.ts'
import type { Answer, Ledger } from './ledger.ts'
import type { MessageLedger, PlainMessage } from './message-ledger.ts'
import { MqttLink, type MqttListener } from './mqtt-link.ts'
import { must } from './violation.ts'
import type { World } from './world.ts'

/** What becomes of a message is told here. */
export interface Sent {
  /** Of a message of readings. */
  readonly values?: readonly number[]
  answer: Answer
  sends: number
}

interface InFlight {
  readonly packet: IPublishPacket
  readonly message: Sent
  /** QoS 2: PUBREC has come, and only PUBREL is sent from now on. */
  isReceived: boolean
  /** What it was sent by last. */
  link: MqttLink
}

/** A client that publishes readings and plain messages at its QoS, with a session that is kept: what was not answered it sends again. */
export class MqttPublisher implements MqttListener {
  isGone = false
  readonly #world: World
  readonly #ledger: Ledger
  readonly #messages: MessageLedger
  readonly #name: string
  readonly #qos: 1 | 2
  readonly #version: 4 | 5
  readonly #inFlight = new Map<number, InFlight>()
  #link: MqttLink | undefined
  #isOpen = false
  readonly #hasWill: boolean
  /** That of the last connection. */
  #will: PlainMessage | undefined
  #connections = 0
  #place = 0

  constructor(world: World, ledger: Ledger, messages: MessageLedger, name: string) {
    this.#world = world
    this.#ledger = ledger
    this.#messages = messages
    this.#name = name
    this.#qos = world.pick([1, 2])
    this.#version = world.pick([4, 5])
    this.#hasWill = world.chance(0.5)
  }

  /** Messages that have not been answered. */
  get unanswered(): number {
    return this.#inFlight.size
  }

  /** Messages sent once, by a connection that only this gateway can have ended, of which nothing was said. */
  unsaid(gateway: GatewayContext): readonly Sent[] {
    return [...this.#inFlight.values()]
      .filter(
        ({ link, message: { answer, sends } }) => link.isFor(gateway) && answer === 'unknown' && sends === 1,
      )
      .map(({ message }) => message)
  }

  get link(): MqttLink | undefined {
    return this.#link
  }

  /** Connects if it is not connected. */
  come(gateway: GatewayContext): void {
    if (this.#link !== undefined) return
    this.#connections++
    const link = new MqttLink(this.#world, gateway, this.#version, this)
    this.#link = link
    this.#will = this.#hasWill ? this.#messages.offer(`wills/${this.#name}`, 2, this.#world.now) : undefined
    link.send({
      cmd: 'connect',
      ...this.#willOf(),
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clientId: this.#name,
      clean: false,
      keepalive: 0,
      ...(this.#version === 5 ? { properties: { sessionExpiryInterval: 500_000 } } : {}),
    })
  }

  leave(): void {
    this.#link?.hangUp()
  }

  /** It never comes again: what was in a CONNECT that was answered is published. `isFirst`: it goes before the program does. */
  goForGood(isFirst: boolean): void {
    this.isGone = true
    if (this.#isOpen && this.#will !== undefined) {
      this.#will.answer = 'acked'
      this.#will.at = this.#world.now
    }
    if (isFirst) this.leave()
  }

  #willOf(): Pick<IConnectPacket, 'will'> {
    if (this.#will === undefined) return {}
    const { topic, id, qos } = this.#will
    return { will: { topic, payload: Buffer.from(String(id)), qos, retain: false } }
  }

  /** Sends one message if it may. */
  publish(): void {
    const link = this.#link
    if (link === undefined || !this.#isOpen || this.#inFlight.size >= 6) return
    const kind = this.#world.below(4)
    if (kind < 2) this.#publishReadings(link)
    else this.#publishPlain(link, kind === 2 ? `chat/${this.#name}` : `keep/${this.#name}`)
  }

  said(packet: Packet): void {
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubrec') return
    const sent = this.#inFlight.get(packet.messageId ?? 0)
    must(sent !== undefined, () => `${this.#name}: ${packet.cmd} ${packet.messageId} answers nothing`)
    const isRefused = (packet.reasonCode ?? 0) >= 0x80
    if (!isRefused) sent.message.answer = 'acked'
    else if (sent.message.answer === 'unknown' && sent.message.sends === 1) sent.message.answer = 'refused'
  }

  heard(packet: Packet): void {
    if (packet.cmd === 'connack') {
      this.#isOpen = true
      this.#sendAgain()
      return
    }
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubrec' && packet.cmd !== 'pubcomp') return
    const id = packet.messageId ?? 0
    const sent = this.#inFlight.get(id)
    if (sent === undefined) return
    if (packet.cmd === 'pubrec' && (packet.reasonCode ?? 0) < 0x80) {
      sent.isReceived = true
      this.#link?.send({ cmd: 'pubrel', messageId: id })
    } else this.#inFlight.delete(id)
  }

  lost(): void {
    this.#link = undefined
    this.#isOpen = false
  }

  #publishReadings(link: MqttLink): void {
    const values = this.#ledger.values(1 + this.#world.below(2))
    const offer = this.#ledger.offer({
      values,
      connection: `${this.#name} ${this.#connections}`,
      place: this.#place++,
      isOnce: this.#qos === 2,
    })
    const rows = values.map((value) => ({ v: value }))
    this.#send(link, `dev/${this.#name}/m`, JSON.stringify(rows.length === 1 ? rows[0] : rows), offer)
  }

  #publishPlain(link: MqttLink, topic: string): void {
    const message = this.#messages.offer(topic, this.#qos, this.#world.now)
    this.#send(link, topic, String(message.id), message)
  }

  #send(link: MqttLink, topic: string, payload: string, message: Sent): void {
    let id = 1
    while (this.#inFlight.has(id)) id++
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: this.#qos,
      messageId: id,
      dup: false,
      retain: topic.startsWith('keep/'),
    }
    this.#inFlight.set(id, { packet, message, isReceived: false, link })
    link.send(packet)
  }

  /** MQTT-4.4.0-1, MQTT-4.6.0-1: in the order in which they were sent. */
  #sendAgain(): void {
    const link = this.#link
    if (link === undefined) return
    for (const [id, sent] of this.#inFlight) {
      sent.link = link
      if (sent.isReceived) link.send({ cmd: 'pubrel', messageId: id })
      else {
        sent.message.sends++
        link.send({ ...sent.packet, dup: true })
      }
    }
  }
}
