import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Fleet } from '../../src/prove/fleet.ts'
import { judge, type Verdict } from '../../src/prove/judge.ts'
import { Ledger } from '../../src/prove/ledger.ts'
import { publisherAt } from './broker-feed.ts'
import type { OwnServer } from './own-server.ts'
import { type ShownSource, shownSource } from './shown-source.ts'
import { SluiceProcess } from './sluice-process.ts'
import { drained } from './sluice-status.ts'
import { storedReadings } from './stored-readings.ts'

export interface BrokerRunOptions {
  readonly replicas: number
  readonly topics?: readonly string[]
  readonly seed?: number
}

/** Verifying clients that publish to a broker, and replicas of the real program that take from it, each with a folder of its own. */
export class BrokerRun {
  readonly fleet: Fleet
  readonly ledger: Ledger
  readonly #broker: OwnServer
  readonly #topics: string
  readonly #folders: readonly string[]
  readonly #running = new Map<string, SluiceProcess>()

  constructor(broker: OwnServer, options: BrokerRunOptions) {
    const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
    this.#broker = broker
    this.#topics = JSON.stringify(options.topics ?? ['$share/ingestion/dev/#'])
    this.ledger = new Ledger({ seed, devices: 4, metrics: 5 })
    const port = broker.port('mqtt')
    this.fleet = new Fleet({ host: '127.0.0.1', port, ledger: this.ledger, window: 100 })
    this.#folders = Array.from({ length: options.replicas }, () =>
      fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-broker-run-')),
    )
  }

  get replicas(): readonly SluiceProcess[] {
    return [...this.#running.values()]
  }

  /** Starts those that do not run, and waits until they are subscribed: before that the broker has nobody to keep messages for. */
  async start(): Promise<void> {
    for (const data of this.#folders) {
      if (this.#running.get(data)?.running === true) continue
      const url = this.#broker.variable('TEST_MOSQUITTO_URL')
      const settings = {
        'sources.factory.type': 'mqtt-broker',
        'sources.factory.url': url,
        'sources.factory.topics': this.#topics,
      }
      const sluice = await SluiceProcess.start({ data, settings })
      this.#running.set(data, sluice)
      await subscribed(sluice, 0)
    }
  }

  /** kill -9 of every replica and what it started. */
  async kill(): Promise<void> {
    for (const sluice of this.replicas) sluice.killTree()
    for (const sluice of this.replicas) await sluice.closed
  }

  /** The broker ends, saves what it holds, starts again; returns when all are subscribed again. */
  async restartBroker(): Promise<void> {
    const before = await Promise.all(
      this.replicas.map(async (sluice) => (await shownSource(sluice)).connects),
    )
    await this.#broker.stop()
    await this.#broker.start()
    for (const [i, sluice] of this.replicas.entries()) await subscribed(sluice, before[i] ?? 0)
  }

  /** Returns when the senders have so many answers more. */
  async load(messages: number): Promise<void> {
    const from = this.fleet.acked
    const end = performance.now() + 60_000
    while (this.fleet.acked < from + messages) {
      if (performance.now() > end) throw new Error(`${this.fleet.acked - from} answers within 60 s`)
      await delay(5)
    }
  }

  /**
   * The end of every run: all senders have their answers, everything at the broker is taken, the stores have it all, the programs stop; then
   * the stores' files are held against the ledger together.
   */
  async conclude(): Promise<Verdict> {
    const { fleet, ledger } = this
    await fleet.finish(AbortSignal.timeout(60_000))
    assert.deepEqual(fleet.violations, [])
    // A session gives its messages in order: whoever has this one, which becomes a dead letter, has had all before it.
    const publisher = await publisherAt(this.#broker.variable('TEST_MOSQUITTO_URL'))
    for (const _ of this.#folders) await publisher.publishAsync('dev/last', '0', { qos: 1 })
    await publisher.endAsync()
    for (const sluice of this.replicas) {
      const isEmpty = ({ deadLettered, unacknowledged }: ShownSource) =>
        deadLettered > 0 && unacknowledged === 0
      await until(sluice, isEmpty, () => 'the broker has nothing left')
    }
    for (const sluice of this.replicas) {
      await drained(sluice, { rows: 1, timeoutMs: 60_000 })
      const { code } = await sluice.stop()
      assert.equal(code, 0, sluice.output)
    }
    return judge(ledger, allOf(this.#folders))
  }

  /** Ends what runs, and removes the folders unless the test failed. */
  async keepIfFailed(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      const kept = this.#folders.join(', ')
      throw new Error(`seed ${this.ledger.plan.seed}; data is kept in ${kept}`, { cause: error })
    } finally {
      this.fleet.close()
      for (const sluice of this.replicas) if (sluice.running) sluice.killTree()
    }
    for (const folder of this.#folders) fs.rmSync(folder, { recursive: true })
  }
}

/** By a connection after the first `connects`. */
function subscribed(sluice: SluiceProcess, before: number): Promise<void> {
  return until(
    sluice,
    ({ state, connects }) => state === 'running' && connects > before,
    () => 'it is subscribed',
  )
}

async function until(
  sluice: SluiceProcess,
  isSo: (source: ShownSource) => boolean,
  what: () => string,
): Promise<void> {
  const end = performance.now() + 60_000
  for (;;) {
    const source = await shownSource(sluice)
    if (isSo(source)) return
    if (performance.now() > end)
      throw new Error(`not within 60 s: ${what()}; ${JSON.stringify(source)}\n${sluice.output}`)
    await delay(20)
  }
}

async function* allOf(folders: readonly string[]) {
  for (const folder of folders) yield* storedReadings(folder)
}
