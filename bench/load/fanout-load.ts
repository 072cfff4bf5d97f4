// hot: bench/load
/**
 * MQTT 3.1.1 fan-out, as a process of its own: publishers send to all subscribers, which count what they get. No more is under way
 * than the window, so that a server which drops for slow subscribers has no cause to. Prints one JSON line and exits with 1 if
 * anything published did not reach everybody.
 *
 *   node bench/load/fanout-load.ts --port 1883 --publishers 1 --subscribers 1000 --qos 1 --seconds 5
 */
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { FanoutClient } from './fanout-client.ts'
import { remainingLength } from './packet-ring.ts'

export interface FanoutOptions {
  readonly host: string
  readonly port: number
  readonly publishers: number
  readonly subscribers: number
  /** Of the messages and of the subscriptions. */
  readonly qos: 0 | 1
  /** Bytes of a payload, at least 8. */
  readonly payload: number
  /** Messages of each publisher that the slowest subscriber may lack. */
  readonly window: number
  /** Stop after so many messages, or (0) after `seconds`. */
  readonly messages: number
  readonly seconds: number
}

export interface FanoutResult {
  readonly published: number
  /** Messages received, of all subscribers together, as each has counted them. */
  readonly delivered: number
  readonly expected: number
  /** The lowest QoS that a subscriber was granted. */
  readonly granted: number
  /** First message sent to last one received. */
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuSeconds: number
  readonly failures: readonly string[]
}

/** Nothing more has come for so long: it never will. */
const stallMs = 10_000

export async function runFanout(options: FanoutOptions): Promise<FanoutResult> {
  const run = new FanoutRun(options)
  try {
    await run.connect()
    return await run.measure()
  } finally {
    run.close()
  }
}

class FanoutRun {
  readonly #options: FanoutOptions
  readonly #latency = createHistogram()
  readonly #failures: string[] = []
  readonly #publishers: FanoutClient[] = []
  readonly #subscribers: FanoutClient[] = []
  readonly #packets: Buffer[]
  readonly #done = Promise.withResolvers<void>()
  #published = 0
  #delivered = 0
  /** Deliveries after which it is looked at how far the slowest subscriber is. */
  #lookAt = Number.POSITIVE_INFINITY
  #isPumping = false
  #isOver = false
  #lastAt = 0

  constructor(options: FanoutOptions) {
    this.#options = options
    this.#packets = Array.from({ length: options.publishers }, (_, i) => publishPacket(i, options))
  }

  async connect(): Promise<void> {
    const { host, port, publishers, subscribers, qos } = this.#options
    const failed = (reason: string) => this.#fail(reason)
    const ignore = { delivered: () => {}, readDone: () => {}, failed }
    for (let i = 0; i < publishers; i++)
      this.#publishers.push(new FanoutClient(host, port, `fan-out-${i}`, ignore))
    for (let i = 0; i < subscribers; i++) {
      this.#subscribers.push(
        new FanoutClient(host, port, `fan-in-${i}`, {
          failed,
          delivered: (bytes, _from, to) => {
            this.#delivered++
            // Every subscriber gets every message: one of them tells how long they take.
            if (i === 0) this.#sample(bytes.readDoubleLE(to - 8))
          },
          readDone: () => {
            if (this.#delivered >= this.#lookAt) this.#pump()
          },
        }),
      )
    }
    await Promise.all([
      ...this.#publishers.map((publisher) => publisher.answered),
      ...this.#subscribers.map((subscriber) => subscriber.subscribe('fan/#', qos)),
    ])
  }

  async measure(): Promise<FanoutResult> {
    const { messages, seconds, subscribers } = this.#options
    const start = performance.now()
    const cpu = process.cpuUsage()
    const timer = messages > 0 ? undefined : setTimeout(() => this.#over(), seconds * 1000)
    this.#lastAt = start
    const watch = setInterval(() => {
      if (performance.now() - this.#lastAt > stallMs) this.#fail('nothing was delivered for 10 s')
    }, 1000)
    this.#pump()
    await this.#done.promise
    clearTimeout(timer)
    clearInterval(watch)
    const { user, system } = process.cpuUsage(cpu)
    return {
      published: this.#published,
      delivered: this.#subscribers.reduce((sum, { delivered }) => sum + delivered, 0),
      expected: this.#published * subscribers,
      granted: Math.min(...this.#subscribers.map(({ granted }) => granted)),
      seconds: (this.#lastAt - start) / 1000,
      p50Ms: this.#latency.percentile(50) / 1000,
      p99Ms: this.#latency.percentile(99) / 1000,
      cpuSeconds: (user + system) / 1e6,
      failures: this.#failures,
    }
  }

  close(): void {
    for (const client of [...this.#publishers, ...this.#subscribers]) client.end()
  }

  /** Sends what the slowest subscriber leaves room for. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true // a write may read
    this.#lastAt = performance.now()
    const { window, publishers, messages, subscribers } = this.#options
    let slowest = Number.POSITIVE_INFINITY
    for (const { delivered } of this.#subscribers) if (delivered < slowest) slowest = delivered
    if (messages > 0 && this.#published >= messages) this.#isOver = true
    const most = Math.min(slowest + window * publishers, messages > 0 ? messages : Number.POSITIVE_INFINITY)
    while (!this.#isOver && this.#published < most) this.#publish()
    const underway = this.#published * subscribers - this.#delivered
    if (underway === 0 && this.#isOver) this.#done.resolve()
    this.#lookAt = this.#delivered + Math.max(1, underway >> 1)
    this.#isPumping = false
  }

  #publish(): void {
    const publisher = this.#published % this.#publishers.length
    const packet = Buffer.from(this.#packets[publisher] as Buffer)
    const turn = Math.floor(this.#published / this.#publishers.length)
    if (this.#options.qos === 1) packet.writeUInt16BE((turn % 65_535) + 1, idPlace(packet))
    packet.writeDoubleLE(performance.now(), packet.length - 8)
    this.#publishers[publisher]?.write(packet)
    this.#published++
  }

  #over(): void {
    this.#isOver = true
    this.#pump()
  }

  #sample(sentAt: number): void {
    this.#latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)))
  }

  #fail(reason: string): void {
    if (this.#failures.length < 5) this.#failures.push(reason)
    this.#isOver = true
    this.#done.resolve()
  }
}

/** MQTT 3.1.1 §3.3: PUBLISH of `fan/<publisher>`; the payload ends with the time at which it is sent. */
function publishPacket(publisher: number, { qos, payload }: FanoutOptions): Buffer {
  const topic = Buffer.from(`fan/${publisher}`)
  const id = qos === 1 ? [0, 1] : []
  const body = [topic.length >> 8, topic.length & 0xff, ...topic, ...id, ...Buffer.alloc(payload, 0x2e)]
  return Buffer.from([0x30 | (qos << 1), ...remainingLength(body.length), ...body])
}

function idPlace(packet: Buffer): number {
  let at = 1
  while ((packet[at++] as number) > 127);
  return at + 2 + packet.readUInt16BE(at)
}

if (import.meta.main) {
  const number = (fallback: number) => ({ type: 'string', default: String(fallback) }) as const
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: number(1883),
      publishers: number(1),
      subscribers: number(1000),
      qos: number(1),
      payload: number(64),
      window: number(16),
      messages: number(0),
      seconds: number(5),
    },
  })
  const result = await runFanout({
    host: values.host,
    port: Number(values.port),
    publishers: Number(values.publishers),
    subscribers: Number(values.subscribers),
    qos: Number(values.qos) === 0 ? 0 : 1,
    payload: Math.max(8, Number(values.payload)),
    window: Number(values.window),
    messages: Number(values.messages),
    seconds: Number(values.seconds),
  })
  console.log(JSON.stringify(result))
  if (result.delivered < result.expected || result.failures.length > 0) process.exitCode = 1
}
