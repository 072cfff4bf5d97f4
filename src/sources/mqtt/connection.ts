// hot: bench/mqtt-to-log
import type { Durable } from '../../core/durable.ts'
import { type AckBatch, AckQueue } from './ack-queue.ts'
import type { AddressCounters } from './addresses.ts'
import { Assembly } from './assembly.ts'
import { admit } from './connect.ts'
import { disconnectPacket, parseControl, pingResponse } from './control-packet.ts'
import type { GatewayContext } from './gateway-context.ts'
import { Outbound } from './outbound.ts'
import { incomplete, publish } from './packet-walk.ts'
import type { Publisher } from './publish-handler.ts'
import { type ProtocolVersion, reason, reasonOf } from './reason.ts'
import { type PauseReason, ReadGate } from './read-gate.ts'
import type { Session } from './session.ts'
import { answerSubscriber, unsubscribeAll } from './subscribe.ts'
import { TopicCache } from './topic-cache.ts'
import type { SlowClient } from './traffic-watch.ts'
import type { Wire, WireListener } from './wire.ts'

/**
 * One client.
 *
 *   waiting ──CONNECT──► open ──DISCONNECT, fault, takeover, shutdown──► closing ──acks sent, or drainMs──► closed
 *      └────── anything else, or connectTimeoutMs ────────────────────────┘         (a broken wire: at once)
 *
 * A read is walked in place; what it added is one commit, and its acknowledgements wait for that.
 */
export class Connection implements WireListener, Publisher {
  readonly #gateway: GatewayContext
  readonly #wire: Wire
  readonly #address: AddressCounters
  readonly #outbound: Outbound
  readonly #acks: AckQueue
  readonly #assembly: Assembly
  readonly topics: TopicCache
  #state: 'waiting' | 'open' | 'closing' | 'closed' = 'waiting'
  #session: Session | undefined
  #maxPacketBytes: number
  #lastReceivedMs: number
  readonly #connectByMs: number
  #closeByMs = 0
  readonly #reading: ReadGate
  /** What came before the pause for room and was not looked at. */
  #held: Uint8Array | undefined
  #inRead = false
  /** QoS 0 messages of the read in hand. */
  #qos0 = 0
  #farewell: Uint8Array | undefined

  constructor(gateway: GatewayContext, wire: Wire) {
    const { config, clock, counters } = gateway
    this.#gateway = gateway
    this.#wire = wire
    this.#outbound = new Outbound(wire, clock, gateway.outbound, config.outboundBytes, (sent) =>
      this.#sent(sent),
    )
    this.#acks = new AckQueue(gateway.acks, (bytes) => this.#outbound.send(bytes))
    this.#reading = new ReadGate(wire)
    this.#assembly = new Assembly(gateway.assembly)
    this.topics = new TopicCache(gateway.topics)
    this.#maxPacketBytes = config.maxConnectBytes
    this.#lastReceivedMs = clock.monotonicMs()
    this.#connectByMs = this.#lastReceivedMs + config.connectTimeoutMs
    this.#address = gateway.addresses.of(wire.remoteAddress)
    this.#address.connections++
    gateway.connections.add(this)
    counters.connectionsOpen++
    counters.connectionsAccepted++
  }

  get version(): ProtocolVersion {
    return this.#session?.version ?? 4
  }

  get session(): Session {
    if (this.#session === undefined) throw new TypeError('there is no session before CONNECT')
    return this.#session
  }

  received(bytes: Uint8Array): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#gateway.counters.bytesReceived += bytes.length
    this.#lastReceivedMs = this.#gateway.clock.monotonicMs()
    if (this.#held === undefined) this.#take(bytes)
    else this.#held = Buffer.concat([this.#held, bytes])
  }

  ended(): void {
    this.close(undefined, 'the client finished')
  }

  closed(): void {
    if (this.#state === 'closed') return
    if (this.#state !== 'closing') this.#leave()
    this.#state = 'closed'
    this.#acks.clear()
    this.#outbound.close()
    this.#gateway.connections.delete(this)
    this.#gateway.counters.connectionsOpen--
    this.#address.connections--
  }

  /** Sends a PUBLISH that others share; drops it if this client is too slow or takes no packet of that size. */
  deliver(packet: Uint8Array): void {
    if (this.#state !== 'open' || packet.length > this.session.maxPacketBytes) return
    if (this.#outbound.offer(packet)) this.#gateway.counters.delivered++
    else this.#gateway.counters.dropped++
  }

  /**
   * Ends the connection, after the acknowledgements that are still to come. An MQTT 5 client is told the reason; undefined says
   * nothing. The will is published unless the client took it back.
   */
  close(reasonCode: number | undefined, why: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const { clock, config, log } = this.#gateway
    if (reasonCode !== undefined && this.#state === 'open' && this.version === 5) {
      this.#farewell = disconnectPacket(reasonCode, why, this.session.maxPacketBytes)
    }
    log.debug({ ...this.#names(), reasonCode }, `mqtt: closing: ${why}`)
    this.#leave()
    this.#state = 'closing'
    this.#closeByMs = clock.monotonicMs() + config.drainMs
    if (!this.#inRead) this.#finishIfDrained()
  }

  destroy(): void {
    this.#wire.destroy()
  }

  /** What waits for the peer now; undefined: nothing. */
  waiting(): SlowClient | undefined {
    const { queuedBytes: waitingBytes } = this.#outbound
    if (waitingBytes === 0 || this.#session === undefined) return undefined
    const { clientId } = this.#session
    const address = this.#wire.remoteAddress
    return { clientId, address, waitingBytes, stalledMs: this.#outbound.stalledMs() }
  }

  /** Judges the timers. A client that we do not read from is not held to its keep-alive. */
  sweep(nowMs: number): void {
    const { config, counters } = this.#gateway
    const silentMs = nowMs - this.#lastReceivedMs
    if (this.#outbound.stalledMs() > config.stallMs) {
      counters.slowSubscribersClosed++
      this.#wire.destroy()
    } else if (this.#state === 'closing') {
      if (nowMs > this.#closeByMs) this.#wire.destroy()
    } else if (this.#state === 'waiting') {
      if (nowMs > this.#connectByMs) this.#turnAway('no CONNECT in time')
    } else if (this.#state === 'open' && !this.#reading.paused) {
      const allowedMs = this.session.keepAliveMs * 1.5 // MQTT-3.1.2-22
      if (allowedMs > 0 && silentMs > allowedMs) {
        counters.keepAliveTimeouts++
        this.close(reason.keepAliveTimeout, 'keep-alive timeout')
      }
    }
  }

  #take(bytes: Uint8Array): void {
    const { intake, publishes } = this.#gateway
    const room = this.#session === undefined ? undefined : intake.room()
    if (room !== undefined) {
      this.#waitForRoom(room, bytes)
      return
    }
    this.#inRead = true
    publishes.begin()
    let at = 0
    const assembly = this.#assembly
    if (assembly.pending) {
      at = assembly.fill(bytes, 0, bytes.length, this.#maxPacketBytes)
      if (assembly.ready) {
        this.#walk(assembly.bytes, assembly.have)
        assembly.clear()
      }
    }
    if (!assembly.pending) {
      // A view only after a packet that came in pieces.
      const rest = at === 0 ? bytes : bytes.subarray(at)
      const walked = this.#walk(rest, rest.length)
      if (walked < rest.length) assembly.fill(rest, walked, rest.length, this.#maxPacketBytes)
    }
    if (assembly.overBudget) this.close(reason.quotaExceeded, 'too many large packets are under way')
    this.#inRead = false
    this.#endRead()
  }

  /** Takes every whole packet of bytes[0, to); returns where the unfinished one starts. */
  #walk(bytes: Uint8Array, to: number): number {
    const { walk, publishes, counters, config } = this.#gateway
    const version = this.version
    let at = 0
    while (at < to && (this.#state === 'open' || this.#state === 'waiting')) {
      if (this.#state === 'waiting' && bytes[at] !== 0x10) {
        this.#turnAway('the first packet is not CONNECT')
        break
      }
      const found = walk.next(bytes, at, to, version, this.#maxPacketBytes)
      if (found === incomplete) break
      const end = at + walk.size
      if (found === publish) {
        // 3.1.1 cannot be told that nothing is retained, and sensors set the flag on readings.
        if (walk.qos > 1 || (walk.retain && version === 5)) {
          this.#notOffered(walk.qos > 1 ? reason.qosNotSupported : reason.retainNotSupported)
          break
        }
        const outcome = publishes.take(bytes, walk, this)
        if (walk.qos === 0) {
          counters.publishesQos0++
          this.#qos0++
        } else {
          counters.publishesQos1++
          if (outcome === 0) this.#acks.take(walk.packetId)
          else if (outcome > 0) this.#answerRefusal(walk.packetId, outcome)
          if (version === 5 && this.#acks.unanswered > config.receiveMaximum) {
            this.close(reason.receiveMaximumExceeded, 'more messages unacknowledged than Receive Maximum')
          }
        }
        if (outcome < 0) this.#broken(-outcome, 'the topic is none')
      } else if (found < 0) this.#broken(-found, 'a packet that cannot be read')
      else if (this.#state === 'waiting') {
        this.#connect(bytes.subarray(at, end), walk.bodyFrom - at)
        // Its version decides how the packets behind CONNECT are read.
        return end + this.#walk(bytes.subarray(end, to), to - end)
      } else this.#control(bytes.subarray(at, end))
      at = end
    }
    return this.#state === 'open' || this.#state === 'waiting' ? at : to
  }

  /** Asks for the commit of what this read added, and lets its answers wait for it. */
  #endRead(): void {
    const { intake, publishes, acks, commits } = this.#gateway
    const qos0 = this.#qos0
    this.#qos0 = 0
    if (publishes.dirty || acks.taken > 0) {
      publishes.dirty = false
      const commit = intake.durable()
      commits.join(commit, qos0)
      const batch = this.#acks.seal(commit)
      if (batch !== undefined) {
        commit.then(
          (durable) => this.#acknowledge(batch, durable),
          (error: unknown) => this.#commitFailed(error),
        )
      }
    } else if (acks.messages > 0) this.#acks.seal(undefined)
    if (this.#state === 'closing') this.#finishIfDrained()
    else if (this.#outbound.full) this.#reading.pause('outbound')
  }

  #acknowledge(batch: AckBatch, durable: Durable): void {
    if (this.#state === 'closed') return
    this.#gateway.counters.acknowledged += batch.taken
    this.#acks.release(batch, durable)
    this.#finishIfDrained()
  }

  #commitFailed(error: unknown): void {
    this.#acks.clear()
    this.close(reasonOf(error), 'the messages could not be stored')
    this.#finishIfDrained()
  }

  #answerRefusal(packetId: number, reasonCode: number): void {
    if (this.version === 5) this.#acks.refuse(packetId, reasonCode)
    else this.close(undefined, 'a message was refused, which MQTT 3.1.1 cannot say')
  }

  #connect(packet: Uint8Array, bodyFrom: number): void {
    const gateway = this.#gateway
    const admission = admit(packet, bodyFrom, this.#wire.remoteAddress, gateway)
    const { session, connack } = admission
    if (session === undefined) {
      if (connack !== undefined) this.#outbound.send(connack)
      this.#turnAway(admission.why)
      return
    }
    const before = gateway.sessions.get(session.clientId)
    if (before !== undefined) {
      gateway.counters.takeovers++
      before.close(reason.sessionTakenOver, 'another connection has taken this client id')
    }
    gateway.sessions.set(session.clientId, this)
    this.#session = session
    this.#state = 'open'
    this.#maxPacketBytes = gateway.config.maxPacketBytes
    this.#outbound.send(connack)
    gateway.log.debug({ ...this.#names(), version: session.version }, 'mqtt: connected')
  }

  #control(bytes: Uint8Array): void {
    const type = (bytes[0] as number) >> 4
    if (bytes[0] === 0xc0 && bytes.length === 2) {
      this.#outbound.send(pingResponse)
      return
    }
    if (type !== 8 && type !== 10 && type !== 14) {
      const known = type !== 0 && type !== 12
      this.#broken(
        known ? reason.protocolError : reason.malformedPacket,
        'a packet that does not belong here',
      )
      return
    }
    const packet = parseControl(bytes, this.version)
    if ('why' in packet) this.#broken(packet.reasonCode, packet.why)
    else if (packet.cmd === 'disconnect') {
      if (packet.reasonCode !== reason.disconnectWithWill) this.session.will = undefined
      this.close(undefined, 'the client disconnected')
    } else if (packet.cmd === 'subscribe' || packet.cmd === 'unsubscribe') {
      const answer = answerSubscriber(packet, this.session, this, this.#gateway)
      if (typeof answer !== 'number') this.#outbound.send(answer)
      else if (answer === reason.protocolError) this.#broken(answer, `${packet.cmd} without id or filter`)
      else this.#notOffered(answer)
    }
  }

  /** Bytes that are no MQTT, or not where they may stand. */
  #broken(reasonCode: number, why: string): void {
    this.#gateway.counters.malformedPackets++
    // Told once per address: a broken device must not fill the operator's log.
    if (this.#address.malformed++ === 0)
      this.#gateway.log.warn({ ...this.#names(), reasonCode }, `mqtt: ${why}`)
    this.close(reasonCode, why)
  }

  /** Something that CONNACK said is not offered. */
  #notOffered(reasonCode: number): void {
    this.#gateway.counters.notOffered++
    this.close(reasonCode, 'the client uses what this server does not offer')
  }

  /** Before there is a session. */
  #turnAway(why: string): void {
    this.#gateway.counters.connectionsRefused++
    this.#address.refused++
    this.close(undefined, why)
  }

  /** Stops taking part: no deliveries, the client id is free, the will is published. */
  #leave(): void {
    const session = this.#session
    this.#held = undefined
    this.#assembly.clear()
    this.topics.clear()
    if (session === undefined) return
    const { sessions, intake, publishes, commits } = this.#gateway
    unsubscribeAll(session, this, this.#gateway)
    if (sessions.get(session.clientId) === this) sessions.delete(session.clientId)
    const { will } = session
    session.will = undefined
    if (will === undefined) return
    this.#gateway.counters.willsPublished++
    publishes.takeWill(will, this)
    if (this.#inRead || !publishes.dirty) return // at its end the read asks for the commit
    publishes.dirty = false
    commits.join(intake.durable(), 0)
  }

  /** Says goodbye when nothing is left to acknowledge. */
  #finishIfDrained(): void {
    if (this.#state !== 'closing' || this.#inRead || !this.#acks.empty) return
    if (this.#farewell !== undefined) this.#outbound.send(this.#farewell)
    this.#farewell = undefined
    this.#outbound.end()
  }

  #waitForRoom(room: Promise<void>, bytes: Uint8Array): void {
    this.#held = new Uint8Array(bytes) // Buffer.slice() would share them
    this.#reading.pause('room')
    room.then(
      () => this.#takeHeld(),
      (error: unknown) => this.#commitFailed(error),
    )
  }

  #takeHeld(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#take(held)
    if (this.#held === undefined) this.#goOn('room')
  }

  #goOn(why: PauseReason): void {
    if (this.#reading.goOn(why)) this.#lastReceivedMs = this.#gateway.clock.monotonicMs()
  }

  /** The system took bytes of ours. */
  #sent(bytes: number): void {
    this.#gateway.counters.bytesSent += bytes
    if (!this.#outbound.full) this.#goOn('outbound')
  }

  #names(): object {
    return { address: this.#wire.remoteAddress, clientId: this.#session?.clientId }
  }
}
