import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Fleet } from '../../src/prove/fleet.ts'
import { judge, type Verdict } from '../../src/prove/judge.ts'
import { Ledger } from '../../src/prove/ledger.ts'
import type { Plan } from '../../src/prove/plan.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from './sluice-process.ts'
import { drained, readingSinks, type SluiceStatus } from './sluice-status.ts'
import { countReadings, readStoredBooks, storedReadings } from './stored-readings.ts'

export interface ProveRunOptions {
  readonly seed?: number
  readonly devices?: number
  readonly window?: number
  readonly qos?: 1 | 2
  readonly identity?: Plan['identity']
}

/**
 * A run of the real program under verifying clients, in a folder of its own: the ports stay the same over restarts. A run that is not
 * judged clean keeps its folder, with the ledger beside the data.
 */
export class ProveRun {
  readonly seed: number
  readonly data: string
  readonly ledger: Ledger
  readonly fleet: Fleet
  /** QoS 2: what is sent again is not taken again. */
  readonly #isOnce: boolean
  readonly #mqttPort: number
  readonly #httpPort: number

  private constructor(seed: number, options: ProveRunOptions, mqttPort: number, httpPort: number) {
    this.seed = seed
    this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-prove-'))
    const { devices = 8, identity = 'time', window = 500, qos = 1 } = options
    this.ledger = new Ledger({ seed, devices, metrics: 5, identity })
    this.#isOnce = qos === 2
    this.#mqttPort = mqttPort
    this.#httpPort = httpPort
    this.fleet = new Fleet({ host: '127.0.0.1', port: mqttPort, ledger: this.ledger, window, qos })
  }

  static async create(options: ProveRunOptions = {}): Promise<ProveRun> {
    const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
    return new ProveRun(seed, options, await freePort(), await freePort())
  }

  start(): Promise<SluiceProcess> {
    return SluiceProcess.start({ data: this.data, mqttPort: this.#mqttPort, httpPort: this.#httpPort })
  }

  /**
   * The end of every run: all clients have their answers, the store has everything, the program stops; then the store's file is held
   * against the ledger, and the program's books against both.
   */
  async conclude(sluice: SluiceProcess): Promise<Verdict> {
    const { fleet, ledger } = this
    await fleet.finish(AbortSignal.timeout(60_000))
    const status = await drained(sluice, { rows: ledger.totals().acked, timeoutMs: 120_000 })
    const { code, signal } = await sluice.stop()
    assert.equal(code, 0, `it ended with ${code ?? signal}:\n${sluice.output}`)
    assert.deepEqual(fleet.violations, [])
    const verdict = await judge(ledger, storedReadings(this.data))
    assert.ok(verdict.clean, `${JSON.stringify(verdict.faults)}\n${verdict.examples.join('\n')}`)
    await this.#checkBooks(status, verdict)
    return verdict
  }

  /** Removes the folder if all went well, else says where it is. */
  async keepIfFailed(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      fs.writeFileSync(path.join(this.data, 'ledger.ndjson'), this.ledger.encode())
      throw new Error(`seed ${this.seed}; data and ledger are kept in ${this.data}`, { cause: error })
    } finally {
      this.fleet.close()
    }
    fs.rmSync(this.data, { recursive: true })
  }

  /** One message is one row here, and none is bad: so the ledger, the door, the log and the store must agree to the row. */
  async #checkBooks(status: SluiceStatus, verdict: Verdict): Promise<void> {
    const totals = this.ledger.totals()
    const { books } = status
    const rows = status.log.rows['readings'] ?? 0
    assert.deepEqual(status.alarms, [])
    assert.ok(books.balanced)
    assert.equal(books.messagesReceived, books.messagesAccepted, 'nothing was refused')
    assert.equal(books.messagesAccepted, books.rowsAccepted)
    assert.equal(books.rowsAccepted, rows, 'the log has a row for every accepted message')
    assert.ok(rows >= totals.acked, `${totals.acked} were acknowledged, the log took ${rows}`)
    if (this.#isOnce) assert.equal(rows, totals.records, 'the log has each message once')
    assert.ok(rows <= totals.sends, `${totals.sends} were sent, the log took ${rows}`)
    const stored = await readStoredBooks(this.data)
    for (const sink of readingSinks(status)) {
      assert.ok(sink.balanced)
      assert.deepEqual(sink.books, stored, 'the books shown are those in the store')
    }
    assert.equal(stored.handed, rows)
    assert.equal(stored.stored + stored.repeated + stored.overwritten, rows)
    assert.equal(stored.stored, await countReadings(this.data))
    assert.equal(stored.stored, verdict.rows)
    assert.equal(stored.stored, totals.acked + verdict.unknownStored)
  }
}

/** Waits for a condition of this process, turn by turn of its event loop. */
export async function reached(
  condition: () => boolean,
  timeoutMs: number,
  what: () => string,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what()}`)
    await setImmediate()
  }
}
