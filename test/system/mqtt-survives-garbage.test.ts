import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import type { Packet } from 'mqtt-packet'
import type { GatewayHealth } from '../support/gateway-program.ts'
import { clientPacket, encodePacket, mutate } from '../support/mqtt-packets.ts'
import { below, seededRandom } from '../support/random.ts'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { readStrictly } from '../support/strict-mqtt.ts'

/** 20,000 by default; `SLUICE_PACKETS=1000000` is the whole exam. */
const packets = Number(process.env['SLUICE_PACKETS'] ?? 20_000)
const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const isWholeExam = packets >= 1_000_000
const connectionsAtOnce = 32
/** What may stay: caches of topics, sessions of clients that are away, code that was compiled. A leak of 40 bytes a packet is more. */
const roomBytes = 32 * 1024 * 1024
const maxStallMs = 50

test('generated, mutated and truncated packets harm only the connections they come by', async (t) => {
  t.diagnostic(`${packets} packets, seed ${seed}`)
  const random = seededRandom(seed)
  const program = fork(path.join(import.meta.dirname, '../support/gateway-program.ts'), {
    execArgv: ['--expose-gc'],
  })
  const gateway = new Gateway(program)
  t.after(() => gateway.stop())
  const { port } = await gateway.health()
  using good = await RawMqttClient.connect(port, 5, { clientId: 'good' })
  const published = publishOn(good)

  const streams = new StreamSource(random)
  await flood(port, streams, packets / 5)
  const before = await gateway.calm()
  await flood(port, streams, packets)
  const after = await gateway.calm()

  assert.ok((await published.stop()) > 10)
  assert.equal(good.isClosed, false)
  const grownMb = (after.heldBytes - before.heldBytes) / 1024 / 1024
  const stallMs = Math.max(before.stallMs, after.stallMs)
  t.diagnostic(
    `${streams.packets} packets on ${streams.count} connections, ${after.malformedPackets} faults; longest stall ${stallMs.toFixed(1)} ms, memory ${grownMb.toFixed(1)} MiB more than at a fifth`,
  )
  assert.ok(after.malformedPackets > packets / 50, `${after.malformedPackets} faults were found`)
  assert.ok(after.heldBytes - before.heldBytes < roomBytes, `memory grew by ${grownMb} MiB`)
  // On a machine that others use a stall may be theirs.
  if (isWholeExam) assert.ok(stallMs <= maxStallMs, `the event loop stood still for ${stallMs} ms`)
})

/** What clients send: a CONNECT, packets, and at the end of most a packet that is broken or cut short. */
class StreamSource {
  count = 0
  packets = 0
  readonly #random: () => number
  readonly #pool: Readonly<Record<4 | 5, readonly Buffer[]>>

  constructor(random: () => number) {
    this.#random = random
    this.#pool = { 4: encodedPool(4), 5: encodedPool(5) }
  }

  next(): Buffer {
    const random = this.#random
    const version = random() < 0.5 ? 4 : 5
    const parts: Uint8Array[] = []
    this.count++
    const connect = this.#connect(version)
    parts.push(random() < 0.05 ? mutate(connect, random) : connect)
    for (let isFine = true; isFine && parts.length < 60; ) {
      const packet = this.#pool[version][below(random, poolSize)] ?? connect
      const sent = random() < 0.15 ? mutate(packet, random) : packet
      const strict = readStrictly(sent, version, 65_535)
      isFine = typeof strict === 'object' && strict.fault === undefined
      parts.push(sent)
    }
    this.packets += parts.length
    return Buffer.concat(parts)
  }

  #connect(version: 4 | 5): Buffer {
    const client = below(this.#random, 200)
    const connect: Packet = {
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: version, keepalive: 0 },
      clientId: `client-${client}`,
      clean: client > 20, // some have sessions that wait for them
      ...(version === 5 && client <= 20 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    }
    return encodePacket(connect, version)
  }
}

const poolSize = 1000

/** Packets that clients send once they are connected; half of the messages are for an ingest topic. */
function encodedPool(version: 4 | 5): Buffer[] {
  const later = clientPacket(version).filter(({ cmd }) => !['connect', 'disconnect', 'auth'].includes(cmd))
  return fc.sample(later, { numRuns: poolSize, seed }).map((packet, i) => {
    return encodePacket(i % 2 === 0 ? ingested(packet, i) : packet, version)
  })
}

function ingested(packet: Packet, i: number): Packet {
  if (packet.cmd !== 'publish') return packet
  const payload = i % 4 === 0 ? packet.payload : `{"v":${i},"q":"good","ts":${1_700_000_000_000 + i}}`
  return { ...packet, topic: `dev/pump-${i % 50}/temp`, payload }
}

async function flood(port: number, streams: StreamSource, count: number): Promise<void> {
  const until = streams.packets + count
  const connections = Array.from({ length: connectionsAtOnce }, async () => {
    while (streams.packets < until) await sendAll(port, streams.next())
  })
  await Promise.all(connections)
}

/** Sends the stream in two pieces, finishes, and waits until the server has finished too. */
async function sendAll(port: number, stream: Buffer): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const ended = Promise.withResolvers<void>()
  const late = globalThis.setTimeout(
    () => ended.reject(new Error('a connection was not ended in 30 s')),
    30_000,
  )
  socket.on('error', () => ended.resolve()) // the server may cut it off while we still send
  socket.on('end', () => ended.resolve())
  socket.on('data', () => {})
  const half = stream.length >> 1
  socket.write(stream.subarray(0, half))
  socket.end(stream.subarray(half))
  try {
    await ended.promise
  } finally {
    clearTimeout(late)
    socket.resetAndDestroy() // leaves no port waiting: there are many connections
  }
}

/** A client that does nothing wrong: a message every few milliseconds, each acknowledged. */
function publishOn(client: RawMqttClient): { stop(): Promise<number> } {
  let isOver = false
  let count = 0
  const loop = (async () => {
    while (!isOver) {
      client.write(client.publish('dev/good/count', String(++count), (count % 65_535) + 1))
      await client.acknowledged(1)
      await setTimeout(5)
    }
    return count
  })()
  loop.catch(() => {}) // `stop` tells of it
  return {
    stop() {
      isOver = true
      return loop
    },
  }
}

/** The process with the gateway. */
class Gateway {
  readonly #program: ChildProcess
  readonly #ended: Promise<never>

  constructor(program: ChildProcess) {
    this.#program = program
    this.#ended = once(program, 'exit').then(([code, signal]) => {
      throw new Error(`the gateway's process ended with ${String(code ?? signal)}`)
    })
    this.#ended.catch(() => {}) // at its end nobody waits for it
  }

  async health(): Promise<GatewayHealth> {
    // as: it sends nothing else.
    const [health] = (await Promise.race([once(this.#program, 'message'), this.#ended])) as [GatewayHealth]
    return health
  }

  /** How it is once only the good client is left. */
  async calm(): Promise<GatewayHealth> {
    let stallMs: number | undefined
    for (;;) {
      this.#program.send('how are you')
      const health = await this.health()
      // The first answer is of the flood; the pauses behind it are those of the question.
      stallMs ??= health.stallMs
      if (health.connectionsOpen === 1) return { ...health, stallMs }
      await setTimeout(50)
    }
  }

  async stop(): Promise<void> {
    if (this.#program.connected) this.#program.disconnect()
    await this.#ended.catch(() => {})
  }
}
