/**
 * MQTT 3.1.1 load of QoS 1 messages, as a process of its own, cheap enough to stand beside what it measures.
 * Prints one JSON line and exits with 1 if anything sent was not acknowledged.
 *
 *   node bench/load/mqtt-load.ts --port 1883 --seconds 10
 *   node bench/load/mqtt-load.ts --port 1883 --messages 1000000 --form f6 --rate 50000
 */
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { type FormName, formNames } from './payload-forms.ts'
import { Publisher } from './publisher.ts'

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly connections: number
  /** Topics a connection; they switch at every message. */
  readonly topics: number
  readonly form: FormName
  /** Elements of an array payload (f3). */
  readonly elements: number
  /** Messages in flight a connection, about. */
  readonly window: number
  /** Stop after this many messages in all, or (0) after `seconds`. */
  readonly messages: number
  readonly seconds: number
  /** Messages a second in all; 0 is as fast as it goes. */
  readonly rate: number
  /** Seconds since 1970 of the first message: another run into the same store takes another one. */
  readonly baseSeconds: number
}

/** What only a program that calls `runLoad` can give. */
export interface LoadHooks {
  /** As `PacketRingOptions` has it. */
  readonly spoil?: (connection: number, slot: number) => Uint8Array | undefined
  /** Ends the sending before its time; on the command line SIGTERM does. What was sent is still waited for. */
  readonly stop?: AbortSignal
}

export interface LoadResult {
  readonly sent: number
  readonly acked: number
  /** Rows that the acknowledged messages hold. */
  readonly ackedRows: number
  /** Acknowledged messages that were spoiled, by connection. */
  readonly spoiled: readonly number[]
  readonly series: number
  /** Unix ms of the first byte sent. */
  readonly startedAt: number
  /** First byte sent to last PUBACK. */
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** User and system time of this process while it sent. */
  readonly cpuSeconds: number
  /** Connections that ended before their time, and why. */
  readonly failures: readonly string[]
}

export async function runLoad(options: LoadOptions & LoadHooks): Promise<LoadResult> {
  const latency = createHistogram()
  const ends: Promise<void>[] = []
  const publishers = Array.from({ length: options.connections }, (_, connection) => {
    const end = Promise.withResolvers<void>()
    ends.push(end.promise)
    return new Publisher({ ...options, connection, latency, onEnd: end.resolve })
  })
  await Promise.all(publishers.map((publisher) => publisher.connect()))
  for (const publisher of publishers) publisher.ring.fill(0) // page in, outside the measured time
  const cpu = process.cpuUsage()
  const start = performance.now()
  const stopPacing = options.rate > 0 ? pace(options, publishers, start) : rush(options, publishers)
  const endEarly = (): void => {
    stopPacing()
    for (const publisher of publishers) {
      publisher.cut()
      publisher.finish()
    }
  }
  options.stop?.addEventListener('abort', endEarly)
  await settled(Promise.all(ends), publishers)
  options.stop?.removeEventListener('abort', endEarly)
  stopPacing()
  const spent = process.cpuUsage(cpu)
  const sum = (of: (publisher: Publisher) => number): number =>
    publishers.reduce((total, publisher) => total + of(publisher), 0)
  const acked = sum((publisher) => publisher.acked)
  const rows = publishers[0]?.ring.rowsPerMessage ?? 1
  const valuesPerElement = options.elements > 1 ? rows / options.elements : rows
  const spoiled = publishers.map(({ ring, acked }) => ring.spoiledOf(acked))
  for (const publisher of publishers) publisher.close()
  return {
    sent: sum((publisher) => publisher.sent),
    acked,
    ackedRows: (acked - spoiled.reduce((total, messages) => total + messages, 0)) * rows,
    spoiled,
    series: options.connections * options.topics * valuesPerElement,
    startedAt: performance.timeOrigin + start,
    seconds: (Math.max(...publishers.map((publisher) => publisher.lastAckAt)) - start) / 1000,
    p50Ms: latency.percentile(50) / 1000,
    p99Ms: latency.percentile(99) / 1000,
    maxMs: latency.max / 1000,
    cpuSeconds: (spent.user + spent.system) / 1e6,
    failures: publishers.flatMap(({ failure }) => failure ?? []),
  }
}

/** As fast as the windows allow. */
function rush(options: LoadOptions, publishers: readonly Publisher[]): () => void {
  if (options.messages > 0) {
    const share = Math.floor(options.messages / publishers.length)
    publishers.forEach((publisher, i) => {
      publisher.allow(i === 0 ? options.messages - share * (publishers.length - 1) : share)
      publisher.finish()
    })
    return () => {}
  }
  for (const publisher of publishers) publisher.allow(Number.POSITIVE_INFINITY)
  const timer = setTimeout(() => {
    for (const publisher of publishers) {
      publisher.cut()
      publisher.finish()
    }
  }, options.seconds * 1000)
  return () => clearTimeout(timer)
}

/** At an even rate: what is due every millisecond or so goes to the connections in turn. A full window delays it, and counts. */
function pace(options: LoadOptions, publishers: readonly Publisher[], start: number): () => void {
  const total = options.messages > 0 ? options.messages : Math.round(options.rate * options.seconds)
  let due = 0
  let turn = 0
  const timer = setInterval(() => {
    const target = Math.min(total, Math.floor(((performance.now() - start) / 1000) * options.rate))
    const share = Math.ceil((target - due) / publishers.length)
    while (due < target) {
      const messages = Math.min(share, target - due)
      publishers[turn++ % publishers.length]?.allow(messages)
      due += messages
    }
    if (due === total) {
      clearInterval(timer)
      for (const publisher of publishers) publisher.finish()
    }
  }, 1)
  return () => clearInterval(timer)
}

/** Waits for the end, but not for ever: 30 s without one PUBACK is an end too. */
async function settled(end: Promise<unknown>, publishers: readonly Publisher[]): Promise<void> {
  const stalled = Promise.withResolvers<void>()
  let last = performance.now()
  let acked = 0
  const timer = setInterval(() => {
    const now = publishers.reduce((total, publisher) => total + publisher.acked, 0)
    if (now !== acked) last = performance.now()
    acked = now
    if (performance.now() - last < 30_000) return
    for (const publisher of publishers) publisher.stall()
    stalled.resolve()
  }, 500)
  await Promise.race([end, stalled.promise])
  clearInterval(timer)
}

function parseOptions(): LoadOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      host: { ...text, default: '127.0.0.1' },
      port: text,
      connections: { ...text, default: '16' },
      topics: { ...text, default: '50' },
      form: { ...text, default: 'f5' },
      elements: { ...text, default: '1' },
      window: { ...text, default: '3000' },
      messages: { ...text, default: '0' },
      seconds: { ...text, default: '10' },
      rate: { ...text, default: '0' },
      base: { ...text, default: '1704067200' },
    },
  })
  const number = (name: Exclude<keyof typeof values, 'host' | 'form'>): number => {
    const value = Number(values[name])
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number`)
    return value
  }
  const form = formNames.find((name) => name === values.form)
  if (form === undefined) throw new Error(`--form must be one of ${formNames.join(', ')}`)
  return {
    host: values.host,
    port: number('port'),
    connections: number('connections'),
    topics: number('topics'),
    form,
    elements: number('elements'),
    window: number('window'),
    messages: number('messages'),
    seconds: number('seconds'),
    rate: number('rate'),
    baseSeconds: number('base'),
  }
}

if (import.meta.main) {
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  const result = await runLoad({ ...parseOptions(), stop: stop.signal })
  console.log(JSON.stringify(result))
  process.exitCode = result.acked === result.sent && result.failures.length === 0 ? 0 : 1
}
