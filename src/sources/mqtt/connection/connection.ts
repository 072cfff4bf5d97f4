// hot: bench/mqtt-to-log
import type { Durable } from '../../../core/durable.ts'
import { type AckBatch, AckQueue } from './ack-queue.ts'
import type { AddressCounters } from './addresses.ts'
import { Assembly } from './assembly.ts'
import { ClientReceiver } from './client-receiver.ts'
import { admit, type ConnectionTerms } from './connect.ts'
import { type ControlHost, takeControl } from './control.ts'
import { disconnectPacket } from '../packets/control-packet.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { Deadlines } from './deadlines.ts'
import { Outbound } from './outbound.ts'
import { Pace } from './pace.ts'
import { incomplete, publish } from '../packets/packet-walk.ts'
import { forgetReceived, type PublishHost, takePublish } from './receive-publish.ts'
import { type ProtocolVersion, reason, reasonOf } from '../packets/reason.ts'
import { type PauseReason, ReadGate } from './read-gate.ts'
import type { Session } from '../sessions/session.ts'
import { TopicCache, type TopicEntry } from '../publish/topic-cache.ts'
import { type SlowClient, slowClient } from '../traffic-watch.ts'
import type { Wire, WireListener } from './wire.ts'

/**
 * One client.
 *
 *   waiting ──CONNECT──► admitted ──its session is on disk──► open ──DISCONNECT, fault, takeover, shutdown──► closing ──acks sent, or drainMs──► closed
 *      └────── anything else, or connectTimeoutMs ──────────────────────────────┘         (a broken wire: at once)
 *
 * A read is walked in place; what it added is one commit, and its acknowledgements wait for that.
 */
export class Connection implements WireListener, PublishHost, ControlHost {
  readonly gateway: GatewayContext
  readonly acks: AckQueue
  readonly topics: TopicCache
  readonly aliases: TopicEntry[] = []
  readonly #wire: Wire
  readonly #address: AddressCounters
  readonly #outbound: Outbound
  readonly #assembly: Assembly
  #state: 'waiting' | 'admitted' | 'open' | 'closing' | 'closed' = 'waiting'
  #terms: ConnectionTerms | undefined
  #session: Session | undefined
  #maxPacketBytes: number
  readonly #deadlines: Deadlines
  readonly #reading: ReadGate
  readonly #pace: Pace
  /** What came before a pause and was not looked at. */
  #held: Uint8Array | undefined
  #inRead = false
  /** Messages of the read in hand, and those of QoS 0 among them. */
  #messages = 0
  #qos0 = 0
  #farewell: Uint8Array | undefined

  constructor(gateway: GatewayContext, wire: Wire) {
    const { config, clock, counters } = gateway
    this.gateway = gateway
    this.#wire = wire
    this.#outbound = new Outbound(wire, clock, gateway.outbound, config.outboundBytes, (sent) =>
      this.#sent(sent),
    )
    this.acks = new AckQueue(gateway.acks, (bytes) => this.#outbound.send(bytes))
    this.#reading = new ReadGate(wire)
    this.#pace = new Pace(this.#reading, clock, counters, config.messagesPerSecond)
    this.#assembly = new Assembly(gateway.assembly, () => this.#giveUp())
    this.topics = new TopicCache(gateway.topics)
    this.#maxPacketBytes = config.maxConnectBytes
    this.#deadlines = new Deadlines(clock.monotonicMs(), config)
    this.#address = gateway.addresses.of(wire.remoteAddress)
    this.#address.connections++
    gateway.connections.add(this)
    counters.connectionsOpen++
    counters.connectionsAccepted++
  }

  get version(): ProtocolVersion {
    return this.#terms?.version ?? 4
  }

  get session(): Session {
    if (this.#session === undefined) throw new TypeError('there is no session before CONNECT')
    return this.#session
  }

  // What the wire says.
  received(bytes: Uint8Array): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.gateway.counters.bytesReceived += bytes.length
    this.#deadlines.receivedMs = this.gateway.clock.monotonicMs()
    if (this.#held === undefined) this.#take(bytes)
    else this.#held = Buffer.concat([this.#held, bytes])
  }

  ended(): void {
    this.#reading.afterwards(() => this.close(undefined, 'the client finished'))
  }

  closed(): void {
    if (this.#state === 'closed') return
    if (this.#state !== 'closing') this.#leave()
    this.#state = 'closed'
    this.acks.clear()
    this.#outbound.close()
    this.gateway.connections.delete(this)
    this.gateway.counters.connectionsOpen--
    this.#address.connections--
  }

  reply(packet: Uint8Array): void {
    this.#outbound.send(packet)
  }

  // What the gateway says.

  /**
   * Ends the connection, after the acknowledgements that are still to come. An MQTT 5 client is told the reason; undefined says
   * nothing. The will is published unless the client took it back.
   */
  close(reasonCode: number | undefined, why: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const { clock, log } = this.gateway
    if (reasonCode !== undefined && this.#terms?.version === 5 && this.#state === 'open') {
      this.#farewell = disconnectPacket(reasonCode, why, this.#terms.maxPacketBytes)
    }
    log.debug({ ...this.#names(), reasonCode }, `mqtt: closing: ${why}`)
    this.#leave()
    this.#state = 'closing'
    this.#deadlines.closes(clock.monotonicMs())
    if (!this.#inRead) this.#finishIfDrained()
  }

  destroy(): void {
    this.#wire.destroy()
  }

  /** What waits for the peer now; undefined: nothing. */
  waiting(): SlowClient | undefined {
    return slowClient(this.#session, this.#outbound, this.#wire.remoteAddress)
  }

  /** Judges the timers. A client that we do not read from is not held to its keep-alive. */
  sweep(nowMs: number): void {
    const late = this.#deadlines.late(nowMs, {
      state: this.#state,
      stalledMs: this.#outbound.stalledMs(),
      isPaused: this.#reading.paused,
      packet: this.#assembly.unfinished,
      frame: this.#wire.unfinishedFrame?.() ?? 0,
    })
    if (late !== undefined) {
      if (late.counter !== undefined) this.gateway.counters[late.counter]++
      if (late.why === undefined) this.#wire.destroy()
      else if (this.#state === 'waiting') this.#turnAway(late.why)
      else this.close(late.reasonCode, late.why)
    }
    if (this.#pace.isOver(nowMs)) this.#goOn('rate')
  }

  // Reading.

  #take(bytes: Uint8Array): void {
    const { intake, publishes } = this.gateway
    const room = this.#session === undefined ? undefined : intake.room()
    if (room !== undefined) return this.#waitForRoom(room, bytes)
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
      // Until its session is there, what follows CONNECT waits.
      if (this.#state === 'admitted') this.#hold(rest.subarray(walked), 'session')
      else if (walked < rest.length) assembly.fill(rest, walked, rest.length, this.#maxPacketBytes)
    }
    this.#inRead = false
    this.#endRead()
    this.gateway.assembly.makeRoom()
  }

  /** Takes every whole packet of bytes[0, to); returns where the unfinished one starts. */
  #walk(bytes: Uint8Array, to: number): number {
    const { walk } = this.gateway
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
        this.#messages++
        if (takePublish(bytes, this) === 0) this.#qos0++
      } else if (found < 0) this.broken(-found, 'a packet that cannot be read')
      else if (this.#state === 'waiting') {
        this.#connect(bytes.subarray(at, end), walk.bodyFrom - at)
        // Its version decides how the packets behind CONNECT are read.
        return end + this.#walk(bytes.subarray(end, to), to - end)
      } else takeControl(bytes.subarray(at, end), this)
      at = end
    }
    return this.#state === 'closing' || this.#state === 'closed' ? to : at
  }

  /** Asks for the commit of what this read added, and lets its answers wait for it. */
  #endRead(): void {
    const { gateway } = this
    const { publishes, acks, fanOut } = gateway
    const [qos0, messages] = [this.#qos0, this.#messages]
    this.#qos0 = this.#messages = 0
    const hasLeft = this.#state === 'closing' && gateway.keeper.isDirty
    if (publishes.dirty || acks.needsCommit || fanOut.hasPending || hasLeft) {
      const commit = gateway.commit(qos0)
      const batch = this.acks.seal(commit)
      if (batch !== undefined) {
        commit.then(
          (durable) => this.#acknowledge(batch, durable),
          (error: unknown) => this.#commitFailed(batch, error),
        )
      }
      gateway.deliverAfter(commit)
    } else this.acks.seal(undefined)
    if (this.#state === 'closing') {
      this.#finishIfDrained()
      return
    }
    if (this.#outbound.full) this.#reading.pause('outbound')
    this.#pace.sent(messages)
  }

  #acknowledge(batch: AckBatch, durable: Durable): void {
    if (this.#state === 'closed') return
    this.gateway.counters.acknowledged += batch.taken
    this.acks.release(batch, durable)
    this.#finishIfDrained()
  }

  #commitFailed(batch: AckBatch, error: unknown): void {
    forgetReceived(batch.received, this, reasonOf(error))
    this.acks.clear()
    this.close(reasonOf(error), 'the messages could not be stored')
    this.#finishIfDrained()
  }

  // CONNECT.

  #connect(packet: Uint8Array, bodyFrom: number): void {
    const { gateway } = this
    const admission = admit(packet, bodyFrom, this.#wire.remoteAddress, gateway)
    const { terms } = admission
    if (terms === undefined) {
      if (admission.connack !== undefined) this.#outbound.send(admission.connack)
      this.#turnAway(admission.why)
      return
    }
    const before = gateway.clients.get(terms.clientId)
    if (before !== undefined) {
      gateway.counters.takeovers++
      before.close(reason.sessionTakenOver, 'another connection has taken this client id')
    }
    const { session, isPresent, isOnDisk } = gateway.departures.enter(terms)
    gateway.clients.set(session.clientId, this)
    this.#session = session
    this.#terms = terms
    this.#state = 'admitted'
    const open = () => this.#open(terms, session, isPresent)
    if (isOnDisk) open()
    else gateway.commit(0).then(open, open) // nothing is promised yet: a full disk keeps nobody out
  }

  #open(terms: ConnectionTerms, session: Session, isPresent: boolean): void {
    if (this.#state !== 'admitted') return
    const { config, counters, keeper, log } = this.gateway
    this.#state = 'open'
    this.#deadlines.keepAliveMs = terms.keepAliveMs
    this.#maxPacketBytes = config.maxPacketBytes
    this.#outbound.send(terms.connack(isPresent))
    const receiver = new ClientReceiver({
      terms,
      outbound: this.#outbound,
      counters,
      maxInFlight: config.maxInFlight,
      maxAliases: config.topicAliasMaximum,
      now: keeper.now,
    })
    session.connected(receiver)
    session.pump()
    log.debug({ ...this.#names(), version: terms.version }, 'mqtt: connected')
    if (!this.#inRead) this.#takeHeld('session')
  }

  // Ending.

  /** Bytes that are no MQTT, or not where they may stand. */
  broken(reasonCode: number, why: string): void {
    const { counters } = this.gateway
    counters.malformedPackets++
    if (reasonCode === reason.packetTooLarge)
      counters[this.#terms === undefined ? 'connectTooLarge' : 'packetTooLarge']++
    // Told once per address: a broken device must not fill the operator's log.
    if (this.#address.malformed++ === 0)
      this.gateway.log.warn({ ...this.#names(), reasonCode }, `mqtt: ${why}`)
    this.close(reasonCode, why)
  }

  /** Something that CONNACK said is not offered. */
  notOffered(reasonCode: number): void {
    this.gateway.counters.notOffered++
    this.close(reasonCode, 'the client uses what this server does not offer')
  }

  /** Of all large packets that are under way, this connection's is the oldest, and there are too many. */
  #giveUp(): void {
    this.gateway.counters.assemblyFull++
    this.close(reason.quotaExceeded, 'too many large packets are under way')
  }

  /** Before there is a session. */
  #turnAway(why: string): void {
    this.gateway.counters.connectionsRefused++
    this.#address.refused++
    this.close(undefined, why)
  }

  /** Stops taking part: no deliveries, the client id is free, the will is published or waits. */
  #leave(): void {
    const session = this.#session
    this.#held = undefined
    this.#assembly.clear()
    this.topics.clear()
    const { clients, departures, publishes, fanOut, keeper } = this.gateway
    if (session === undefined || clients.get(session.clientId) !== this) return
    clients.delete(session.clientId)
    departures.depart(session)
    // At its end the read asks for the commit. That the client has said goodbye must not be forgotten: its will would be published.
    if (this.#inRead || !(publishes.dirty || fanOut.hasPending || keeper.isDirty)) return
    this.gateway.deliverAfter(this.gateway.commit(0))
  }

  /** Says goodbye when nothing is left to acknowledge. */
  #finishIfDrained(): void {
    if (this.#state !== 'closing' || this.#inRead || !this.acks.empty) return
    if (this.#farewell !== undefined) this.#outbound.send(this.#farewell)
    this.#farewell = undefined
    this.#outbound.end()
  }

  // Pausing.

  #hold(bytes: Uint8Array, why: PauseReason): void {
    this.#held = new Uint8Array(bytes) // Buffer.slice() would share them
    this.#reading.pause(why)
  }

  #waitForRoom(room: Promise<void>, bytes: Uint8Array): void {
    this.#hold(bytes, 'room')
    room.then(
      () => this.#takeHeld('room'),
      (error: unknown) => this.close(reasonOf(error), 'the messages could not be stored'),
    )
  }

  #takeHeld(why: PauseReason): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined && held.length > 0) this.#take(held)
    if (this.#held === undefined) this.#goOn(why)
  }

  #goOn(why: PauseReason): void {
    if (this.#reading.goOn(why)) this.#deadlines.receivedMs = this.gateway.clock.monotonicMs()
  }

  /** The system took bytes of ours. */
  #sent(bytes: number): void {
    this.gateway.counters.bytesSent += bytes
    if (this.#outbound.full) return
    this.#goOn('outbound')
    if (this.#state === 'open') this.session.pump()
  }

  #names(): object {
    return { address: this.#wire.remoteAddress, clientId: this.#terms?.clientId }
  }
}
