import type { Packet } from 'mqtt-packet'
import type { GatewayContext } from '../../src/sources/mqtt/gateway-context.ts'
import { MqttLink, type MqttListener } from './mqtt-link.ts'
import type { World } from './world.ts'

/** A client that asks at the end what is retained. */
export class MqttReader implements MqttListener {
  readonly retained = new Map<string, string>()
  isAnswered = false
  readonly #link: MqttLink

  constructor(world: World, gateway: GatewayContext) {
    this.#link = new MqttLink(world, gateway, 4, this)
    this.#link.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'reader',
      clean: true,
      keepalive: 0,
    })
  }

  said(): void {
    // It is judged by what arrives.
  }

  heard(packet: Packet): void {
    if (packet.cmd === 'connack') {
      this.#link.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'keep/#', qos: 0 }] })
      this.#link.send({ cmd: 'pingreq' })
    } else if (packet.cmd === 'publish') this.retained.set(packet.topic, packet.payload.toString())
    else if (packet.cmd === 'pingresp') this.isAnswered = true
  }

  lost(): void {
    // Nobody dies any more.
  }
}
