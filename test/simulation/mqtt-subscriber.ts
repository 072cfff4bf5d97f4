import type { Packet } from 'mqtt-packet'
import type { GatewayContext } from '../../src/sources/mqtt/gateway-context.ts'
import type { MessageLedger } from './message-ledger.ts'
import { MqttLink, type MqttListener } from './mqtt-link.ts'
import { must } from './violation.ts'
import type { World } from './world.ts'

/** A session lives so long without its client: longer than a history, and shorter than jumps of the wall clock. */
export const sessionSeconds = 20_000

/** A client with a session that is kept and the packet ids that QoS 2 asks of it; it subscribes to every plain message at QoS 2. */
export class MqttSubscriber implements MqttListener {
  /** A program has started behind a jump of the wall clock, which alone goes on while none runs: the session may be over, and new ones are begun from now on. */
  mayExpire = false
  readonly #world: World
  readonly #messages: MessageLedger
  readonly #version: 4 | 5
  /** QoS 2 messages that it has and whose PUBREL has not come. */
  readonly #received = new Set<number>()
  #link: MqttLink | undefined
  #isSubscribed = false
  /** The link has asked for a new session. */
  #isNew = false

  constructor(world: World, messages: MessageLedger) {
    this.#world = world
    this.#messages = messages
    this.#version = world.pick([4, 5])
  }

  get link(): MqttLink | undefined {
    return this.#link
  }

  come(gateway: GatewayContext): void {
    if (this.#link !== undefined) return
    const link = new MqttLink(this.#world, gateway, this.#version, this)
    this.#link = link
    // MQTT 3.1.1 has no time of its own for a session, and that of the gateway is longer than all jumps.
    this.#isNew = this.mayExpire && this.#version === 5
    link.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clientId: 'subscriber',
      clean: this.#isNew,
      keepalive: 0,
      ...(this.#version === 5 ? { properties: { sessionExpiryInterval: sessionSeconds } } : {}),
    })
  }

  leave(): void {
    this.#link?.hangUp()
  }

  said(packet: Packet): void {
    if (packet.cmd === 'suback') this.#messages.subscribedAt ??= this.#world.now
    if (packet.cmd !== 'connack') return
    const isKept = this.#messages.subscribedAt !== undefined && !this.#isNew
    must(!isKept || packet.sessionPresent, () => 'lost: the session of a subscriber that has its SUBACK')
    if (this.#isNew) this.#messages.subscribedAt = undefined
  }

  heard(packet: Packet): void {
    const link = this.#link
    if (packet.cmd === 'connack') {
      // What it had begun to take belongs to the session.
      if (!packet.sessionPresent) this.#received.clear()
      this.#isSubscribed &&= !this.#isNew
      if (!this.#isSubscribed)
        link?.send({
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [
            { topic: 'chat/#', qos: 2 },
            { topic: 'wills/#', qos: 2 },
          ],
        })
    } else if (packet.cmd === 'suback') this.#isSubscribed = true
    else if (packet.cmd === 'publish') this.#take(packet)
    else if (packet.cmd === 'pubrel') {
      this.#received.delete(packet.messageId ?? 0)
      link?.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 })
    }
  }

  lost(): void {
    this.#link = undefined
  }

  #take({ topic, payload, qos, messageId = 0 }: Extract<Packet, { cmd: 'publish' }>): void {
    const isNew = qos < 2 || !this.#received.has(messageId)
    if (qos === 2) this.#received.add(messageId)
    if (isNew) this.#messages.give(topic, payload.toString())
    if (qos > 0) this.#link?.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
  }
}
