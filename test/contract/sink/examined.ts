import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  noBooks,
  type Sink,
  type SinkBooks,
  SinkFailure,
  type SinkWrite,
  type Written,
} from '../../../src/core/sink.ts'
import { never, PaperLog, type Row, temporaryFolder } from '../../support/duckdb-store.ts'
import { expected, type HandedRow, sorted } from './model.ts'
import type { OpenSink, SinkPlace, SinkUnderTest } from './subject.ts'

/** The same for whoever opens the store. */
const examLog = '22222222-2222-4222-8222-222222222222'

/** A store under questions, beside a plain list of what it has taken. */
export class Examined {
  readonly subject: SinkUnderTest
  readonly place: SinkPlace
  readonly log: PaperLog
  readonly handed: HandedRow[] = []
  #open: OpenSink | undefined
  #values = 0

  private constructor(subject: SinkUnderTest, place: SinkPlace, log: PaperLog) {
    this.subject = subject
    this.place = place
    this.log = log
  }

  static async in(
    t: Pick<TestContext, 'after'>,
    subject: SinkUnderTest,
    folder = temporaryFolder(t),
  ): Promise<Examined> {
    const examined = new Examined(subject, await subject.place(t, folder), new PaperLog({ id: examLog }))
    t.after(() => examined.close())
    return examined
  }

  async opened(): Promise<OpenSink> {
    this.#open ??= await this.place.open()
    return this.#open
  }

  async sink(): Promise<Sink> {
    return (await this.opened()).sink
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.close()
  }

  /** Rows that nobody has sent before: numbers, texts and extras, of several series, one after the other in time. */
  fresh(length: number): Row[] {
    return Array.from({ length }, () => {
      const i = this.#values++
      const row = { device: `device ${i % 3}`, metric: `metric ${i % 5}`, time: 1_700_000_000_000_000 + i }
      return { ...row, value: i % 4 === 3 ? `text ${i}` : i, extra: i % 7 === 6 ? `{"i":${i}}` : '' }
    })
  }

  /** The write that brings the rows, from where the log stands; `taken` when the sink has done it. */
  write(rows: readonly Row[], log = this.log): SinkWrite {
    return log.write(this.subject.batch(log, rows))
  }

  /** Notes rows as taken, under the numbers that a write gave them. */
  taken(rows: readonly Row[], { from }: Pick<SinkWrite, 'from'>): void {
    rows.forEach((row, i) => this.handed.push({ ...row, number: Number(from.next) + i }))
  }

  async put(rows: readonly Row[]): Promise<Written> {
    const write = this.write(rows)
    const written = await (await this.sink()).write(write, never)
    assert.deepEqual(written.refused, [])
    this.taken(rows, write)
    return written
  }

  /** Where the sink stands in the log. */
  async next(): Promise<bigint> {
    return (await (await this.sink()).state(this.log.id, 0))?.position.next ?? 0n
  }

  async books(): Promise<SinkBooks> {
    return (await (await this.sink()).state(this.log.id, 0))?.books ?? noBooks
  }

  /** The end of every question: closed, read by other means, opened anew; rows, position and books are as they must be. */
  async judge(more: { readonly next?: bigint; readonly books?: Partial<SinkBooks> } = {}): Promise<void> {
    // What a failure has left may be put right by the next start only.
    if (!this.subject.has.isTransactional) await this.close()
    await this.sink()
    await this.close()
    assert.deepEqual(sorted(await this.place.rows()), expected(this.subject.has, this.handed))
    assert.equal(await this.next(), more.next ?? this.log.next)
    const books = await this.books()
    const { handed, ...terms } = books
    assert.equal(
      handed,
      Object.values(terms).reduce((sum, term) => sum + term, 0),
      'the books balance',
    )
    assert.deepEqual(books, { ...books, ...more.books })
  }
}

/** What a call fails with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  )
}

/** A sink that cannot go on until somebody mends it says so, and does not ask for rows to be looked at one by one. */
export function assertStops(error: unknown): void {
  assert.ok(error instanceof Error, String(error))
  // What cannot even be opened is down by that.
  if (error instanceof SinkFailure) assert.equal(error.kind, 'stop', error.message)
}
