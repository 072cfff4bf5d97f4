import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { judge, type Verdict } from '../../src/prove/judge.ts'
import { Ledger, type LedgerPage } from '../../src/prove/ledger.ts'
import { plannedRecord } from '../../src/prove/plan.ts'
import { AmqpPublisher } from '../../src/sources/amqp/publisher.ts'
import { addressOf, never, queueFor, type QueueOptions } from './amqp-feed.ts'
import type { OwnServer } from './own-server.ts'
import { type ShownSource, shownSource } from './shown-source.ts'
import { SluiceProcess } from './sluice-process.ts'
import { drained, readStatus } from './sluice-status.ts'
import { readStoredBooks, storedReadings } from './stored-readings.ts'

const devices = 4
const window = 100

/** Verifying devices that publish to RabbitMQ with confirms, and the real program that takes from a queue of it. */
export class AmqpRun {
  readonly ledger: Ledger
  readonly data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-amqp-run-'))
  readonly #server: OwnServer
  readonly #queue: QueueOptions
  readonly #senders: Promise<void>[] = []
  #sluice: SluiceProcess | undefined
  #isFinishing = false
  #isOver = false
  #confirmed = 0

  private constructor(server: OwnServer, queue: QueueOptions, seed: number) {
    this.#server = server
    this.#queue = queue
    this.ledger = new Ledger({ seed, devices, metrics: 5 })
  }

  static async open(server: OwnServer, type: 'quorum' | 'stream', seed: number): Promise<AmqpRun> {
    return new AmqpRun(server, await queueFor(server, 'run', type, 'dev.#'), seed)
  }

  /** Records that RabbitMQ has confirmed. */
  get confirmed(): number {
    return this.#confirmed
  }

  async startSluice(): Promise<void> {
    const { url, queue } = this.#queue
    const settings = { type: 'amqp', url, queue, declare: 'false' }
    this.#sluice = await SluiceProcess.start({
      data: this.data,
      settings: Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [`sources.factory.${key}`, value]),
      ),
    })
    await this.#until(({ state }) => state === 'running', 'it takes messages')
  }

  /** kill -9 of the program and what it started. */
  async killSluice(): Promise<void> {
    this.#sluice?.killTree()
    await this.#sluice?.closed
  }

  /** RabbitMQ ends and starts again; returns when Sluice takes from it again. */
  async restartServer(how: 'kill' | 'stop'): Promise<void> {
    const { connects } = await this.#shown()
    await this.#server[how]()
    await this.#server.start()
    await this.#until((source) => source.state === 'running' && source.connects > connects, 'it is back')
  }

  startSenders(): void {
    for (let device = 0; device < devices; device++)
      this.#senders.push(this.#send(this.ledger.open(device, 0)))
  }

  /** Returns when so many more are confirmed. */
  async load(messages: number): Promise<void> {
    const from = this.#confirmed
    const end = performance.now() + 60_000
    while (this.#confirmed < from + messages) {
      if (performance.now() > end) throw new Error(`${this.#confirmed - from} confirms within 60 s`)
      await delay(5)
    }
  }

  redelivered(): Promise<number> {
    return this.#shown().then(({ redelivered }) => redelivered)
  }

  /** All senders have their confirms, everything is taken and stored, the program has stopped; then its file is held against the ledger. */
  async conclude(): Promise<{ verdict: Verdict; handed: number }> {
    this.#isFinishing = true
    await Promise.all(this.#senders)
    // Behind all the others: one that becomes a dead letter.
    const publisher = await AmqpPublisher.open(addressOf(this.#server), 'last', never)
    await publisher.publish({ exchange: 'iot', routingKey: 'dev.last', body: Buffer.from('0') })
    await publisher.close()
    await this.#until(
      ({ deadLettered, unacknowledged }) => deadLettered > 0 && unacknowledged === 0,
      'nothing is left',
    )
    const sluice = this.#sluice
    assert.ok(sluice !== undefined)
    // The log's own count of rows comes a little late, that of the door does not.
    const { books } = await readStatus(sluice)
    await drained(sluice, { rows: books.rowsAccepted, letters: 1, timeoutMs: 60_000 })
    const { code } = await sluice.stop()
    assert.equal(code, 0, sluice.output)
    const { handed } = await readStoredBooks(this.data)
    return { verdict: await judge(this.ledger, storedReadings(this.data)), handed }
  }

  /** Ends what runs, and removes the data unless the test failed. */
  async keepIfFailed(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      throw new Error(`seed ${this.ledger.plan.seed}; data is kept in ${this.data}`, { cause: error })
    } finally {
      this.#isFinishing = this.#isOver = true
      if (this.#sluice?.running === true) this.#sluice.killTree()
      await Promise.all(this.#senders)
    }
    fs.rmSync(this.data, { recursive: true })
  }

  /** Sends what a page has next, a window of it at a time; what was not confirmed is sent again, with the same content, before anything new. */
  async #send(page: LedgerPage): Promise<void> {
    let publisher: AmqpPublisher | undefined
    let next = 0
    let unanswered: number[] = []
    while (!this.#isOver) {
      if (unanswered.length === 0) {
        if (this.#isFinishing) break
        for (let i = 0; i < window; i++) page.sent(next + i)
        unanswered = Array.from({ length: window }, (_, i) => next + i)
        next += window
      }
      try {
        if (publisher === undefined || publisher.ended.aborted)
          publisher = await AmqpPublisher.open(addressOf(this.#server), `device ${page.device}`, never)
      } catch {
        await delay(50)
        continue
      }
      const confirmed = await Promise.all(unanswered.map((at) => this.#publish(publisher, page, at)))
      unanswered = unanswered.filter((_, i) => confirmed[i] !== true)
    }
    await publisher?.close()
  }

  async #publish(publisher: AmqpPublisher | undefined, page: LedgerPage, sequence: number): Promise<boolean> {
    const { device, metric, time, value } = plannedRecord(this.ledger.plan, {
      device: page.device,
      epoch: page.epoch,
      sequence,
    })
    const body = Buffer.from(JSON.stringify({ v: value, ts: time / 1000 }))
    try {
      await publisher?.publish({ exchange: 'iot', routingKey: `dev.${device}.${metric}`, body })
    } catch {
      return false
    }
    page.acked(sequence)
    this.#confirmed++
    return true
  }

  async #shown(): Promise<ShownSource> {
    if (this.#sluice === undefined) throw new Error('Sluice does not run')
    return await shownSource(this.#sluice)
  }

  async #until(isSo: (source: ShownSource) => boolean, what: string): Promise<void> {
    const end = performance.now() + 60_000
    for (;;) {
      const source = await this.#shown()
      if (isSo(source)) return
      if (performance.now() > end)
        throw new Error(`not within 60 s: ${what}; ${JSON.stringify(source)}\n${this.#sluice?.output ?? ''}`)
      await delay(20)
    }
  }
}
