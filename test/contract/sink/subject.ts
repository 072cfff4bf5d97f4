import type { TestContext } from 'node:test'
import type { Batch } from '../../../src/core/batch.ts'
import type { Sink } from '../../../src/core/sink.ts'
import type { PaperLog, Row } from '../../support/duckdb-store.ts'
import type { Wire } from './steps.ts'

/**
 * A sink under examination. What it says of itself decides which questions it is asked: of a promise that it makes none is left out.
 */
export interface SinkUnderTest {
  readonly name: string
  readonly has: Capabilities
  /** Rows in the form that it takes. */
  batch(log: PaperLog, rows: readonly Row[]): Batch
  /** The store in that folder; in an empty one it has no row yet. */
  place(t: Pick<TestContext, 'after'>, folder: string): Promise<SinkPlace>
  /** What a write calls outside: each call is a place where it can be cut. */
  readonly wire: Wire
  /** Rows that it must refuse, each with the code that says why. */
  readonly poison: readonly Poison[]
}

export interface Capabilities {
  /** Rows, position and books change together; else only the position never runs ahead of the rows. */
  readonly isTransactional: boolean
  /**
   * What it makes of several rows of one identity (series and time, or the number): keeps the one with the highest number; keeps the last that
   * came; keeps them all.
   */
  readonly keeps: 'highest' | 'last' | 'all'
  /** Each row's number. */
  readonly numbers: boolean
  /** The position of every log that it has met, or of the last one. */
  readonly logs: 'all' | 'last'
  readonly edits: boolean
}

export interface SinkPlace {
  readonly folder: string
  /** @throws SinkFailure, or a SluiceError, where it cannot be opened. */
  open(): Promise<OpenSink>
  /** Everything it holds, read by means that are not Sluice's. While it is closed. */
  rows(): Promise<KeptRow[]>
  /** What somebody else sees while a write is under way: how many rows, and up to which number. */
  glance(): Promise<Glance>
  /** The same at once, where that can be had. */
  glanceNow?(): Glance
  /** Takes away something that the sink needs, such as a column; call what it gives to put it back. */
  breakSchema(): Promise<() => Promise<void>>
}

export interface Glance {
  readonly rows: number
  readonly next: bigint
}

export interface OpenSink {
  readonly sink: Sink
  /** For rows that come again. */
  replay?(name: string): Sink
  close(): Promise<void>
}

export interface KeptRow {
  readonly device: string
  readonly metric: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
  readonly extra: string
  readonly number: number | undefined
}

export interface Poison {
  readonly what: string
  /** Spoils row `i` of a batch, of which every row is sound and has a text and an extra. */
  spoil(batch: Batch, i: number): Batch
  readonly code: string
}
