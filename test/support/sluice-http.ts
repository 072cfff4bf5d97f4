import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { IngestAnswer } from './http-door.ts'
import { SluiceProcess, type SluiceOptions } from './sluice-process.ts'
import { drained, readStatus } from './sluice-status.ts'

export interface StoredRow {
  readonly metric: string
  readonly time: number | string
  readonly value: number | string
  readonly quality: number
}

/** The real program in a folder of its own, spoken with over HTTP. */
export class SluiceHttp {
  sluice: SluiceProcess
  readonly data: string
  readonly #options: Omit<SluiceOptions, 'data'>

  private constructor(sluice: SluiceProcess, data: string, options: Omit<SluiceOptions, 'data'>) {
    this.sluice = sluice
    this.data = data
    this.#options = options
  }

  static async start(t: TestContext, options: Omit<SluiceOptions, 'data'> = {}): Promise<SluiceHttp> {
    const data = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-system-'))
    const running = new SluiceHttp(await SluiceProcess.start({ data, ...options }), data, options)
    t.after(async () => {
      running.sluice.killTree()
      await running.sluice.closed
      await fs.rm(data, { recursive: true, force: true })
    })
    return running
  }

  get url(): string {
    return `http://127.0.0.1:${this.sluice.httpPort}`
  }

  /** kill -9 of the program and all its processes, then the same folder again. */
  async killAndRestart(): Promise<void> {
    this.sluice.killTree()
    await this.sluice.closed
    this.sluice = await SluiceProcess.start({ data: this.data, ...this.#options })
  }

  async post(
    body: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
    query = '',
  ): Promise<{ status: number; answer: IngestAnswer }> {
    const response = await fetch(`${this.url}/api/v1/readings${query}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, answer: (await response.json()) as IngestAnswer } // each test looks at its members
  }

  async get<T>(path: string): Promise<T> {
    return (await this.sluice.get(path)) as T // each test looks at its members
  }

  /** All rows of a device, page by page. */
  async rows(device: string): Promise<StoredRow[]> {
    const rows: StoredRow[] = []
    let cursor = ''
    do {
      const query = `device=${encodeURIComponent(device)}&from=-9e15&to=9e15&limit=5000${cursor}`.replaceAll(
        '9e15',
        '9000000000000',
      )
      const page = await this.get<{ rows: StoredRow[]; next?: string }>(`/api/v1/readings?${query}`)
      rows.push(...page.rows)
      cursor = page.next === undefined ? '' : `&cursor=${page.next}`
    } while (cursor !== '')
    return rows
  }

  /** Waits until every sink holds all readings and dead letters that were taken so far. */
  async drained(timeoutMs = 20_000): Promise<void> {
    const { books } = await readStatus(this.sluice)
    await drained(this.sluice, { rows: books.rowsAccepted, letters: books.rowsDeadLettered, timeoutMs })
  }
}
