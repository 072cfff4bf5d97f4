import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { declared, hostileWords } from './bad-records.ts'
import { SluiceProcess } from './sluice-process.ts'
import { drained, readStatus, type SluiceStatus } from './sluice-status.ts'

export interface Letter {
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device?: string
  readonly topic?: string
  readonly bytes: string
}

export interface StoredRow {
  readonly metric: string
  readonly time: number
  readonly value: number | string
}

export interface Answer {
  readonly accepted?: number
  readonly refused?: number
  readonly cursor?: string
  readonly refusals?: readonly {
    readonly line?: number
    readonly index?: number
    readonly field?: string
    readonly code: string
    readonly reason: string
  }[]
  readonly error?: { readonly code: string; readonly message: string }
}

/** The real program, strict about series, in a folder of its own, as the tests of bad input talk to it. */
export class BadInputProgram {
  readonly sluice: SluiceProcess
  readonly #data: string

  private constructor(sluice: SluiceProcess, data: string) {
    this.sluice = sluice
    this.#data = data
  }

  static async start(): Promise<BadInputProgram> {
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-bad-input-'))
    const settings = { 'series.strict': 'true', 'series.declare': declared(hostileWords) }
    return new BadInputProgram(await SluiceProcess.start({ data, settings }), data)
  }

  get url(): string {
    return `http://127.0.0.1:${this.sluice.httpPort}`
  }

  async post(
    body: string | Uint8Array<ArrayBuffer>,
    query = '',
    headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
  ): Promise<{ status: number; answer: Answer }> {
    const response = await fetch(`${this.url}/api/v1/readings${query}`, { method: 'POST', body, headers })
    return { status: response.status, answer: (await response.json()) as Answer } // the shape that every test of it looks at
  }

  /** Everything stored of a device. */
  async rows(device: string, metric?: string): Promise<readonly StoredRow[]> {
    const query = new URLSearchParams({
      device,
      from: '0',
      to: 'now',
      limit: '100000',
      ...(metric === undefined ? {} : { metric }),
    })
    const answer = await this.sluice.get(`/api/v1/readings?${query.toString()}`)
    return (answer as { rows: StoredRow[] }).rows // as: its documented shape
  }

  /** Values of a device by metric. */
  async values(device: string): Promise<Record<string, number | string>> {
    return Object.fromEntries((await this.rows(device)).map(({ metric, value }) => [metric, value]))
  }

  /** All dead letters, oldest first. */
  async letters(): Promise<readonly Letter[]> {
    const status = await this.settled()
    const answer = await this.sluice.get('/api/v1/dead-letters?limit=10000')
    const { letters } = answer as { letters: Letter[] } // as: its documented shape
    assert.equal(letters.length, status.log.rows['dead-letters'] ?? 0)
    return letters.reverse()
  }

  /** Waits until the store has every reading and letter that the log has. */
  async settled(): Promise<SluiceStatus> {
    const { books } = await readStatus(this.sluice)
    return await drained(this.sluice, {
      rows: books.rowsAccepted,
      letters: books.rowsDeadLettered,
      timeoutMs: 20_000,
    })
  }

  /** Stops it; it must have lived until then, and nothing it printed may be an error. */
  async stop(): Promise<void> {
    assert.ok(this.sluice.running, this.sluice.output)
    const { code } = await this.sluice.stop()
    fs.rmSync(this.#data, { recursive: true, force: true })
    assert.equal(code, 0, this.sluice.output)
    assert.doesNotMatch(this.sluice.output, /"level":(50|60)/)
  }
}
