import type { Batch } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import { type Sink, SinkFailure, type SinkState, type SinkWrite, type Written } from '../../core/sink.ts'
import type {
  BucketQuery,
  BucketRows,
  CopyPart,
  DevicePage,
  DeviceQuery,
  DocumentBytes,
  DocumentQuery,
  DocumentRow,
  LatestRow,
  RangeQuery,
  RangeRows,
  SeriesRow,
  Store,
  StoreCopy,
} from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'
import { buckets } from './buckets.ts'
import { Chunks } from './chunks.ts'
import { documentBytes, queryDocuments } from './document-query.ts'
import { DocumentTables } from './documents.ts'
import { Edits } from './edits.ts'
import { Engine } from './engine.ts'
import { type ExportQuery, exportRange } from './export.ts'
import { isInvalidated, sinkFailure } from './failure.ts'
import { listDevices, listLatest, listSeries } from './listing.ts'
import { type Lane, Positions } from './positions.ts'
import { type QueryParts, range } from './range.ts'
import { Readers } from './readers.ts'
import { readChunks, windowRows } from './reading.ts'
import { Removals } from './removals.ts'
import { Retention, type RetentionRules } from './retention.ts'
import { type CopiedParts, copyParts, scanPart } from './copying.ts'
import { migrate } from './schema.ts'
import { SeriesTable } from './series-table.ts'
import { StateSnapshots } from './snapshots.ts'
import { Sql, toNumber } from './sql.ts'
import { Upkeep } from './upkeep.ts'
import { Writer, type WriterParts } from './writer.ts'
import { WriterQueue } from './writer-queue.ts'

export interface DuckdbOptions {
  readonly file: string
  readonly memoryLimitMb: number
  readonly threads: number
  readonly clock: Clock
  readonly retention: RetentionRules
  /** A chunk with more rows is cut in two. */
  readonly chunkRows: number
  /** Rows of chunks that one step of a query looks at. */
  readonly windowRows?: number
  readonly removals?: Removals
  /** Told of what had to be mended to open it. */
  readonly warn?: ((message: string) => void) | undefined
}

export interface DuckdbStatus {
  readonly chunks: number
  readonly rows: number
  /** Rows that are not sorted by (series, time) yet: queries over them are slower. */
  readonly unsortedRows: number
  /** Why the last job of upkeep failed, if one did since the start. */
  readonly upkeepError: string | undefined
}

/** The stream whose position `Store.write` moves. */
const readingsStream = 'readings'
/** Writes that may pass a due step of upkeep. */
const patience = 16

/** The embedded store. It is the only owner of its file; every change goes through one writer queue. */
export class DuckdbStore implements Store, StoreCopy {
  readonly name = 'duckdb'
  readonly #engine: Engine
  readonly #sql: Sql
  readonly #readers: Readers
  readonly #writer: Writer
  readonly #queue = new WriterQueue(patience)
  readonly #series: SeriesTable
  readonly #positions: Positions
  readonly #chunks: Chunks
  readonly #documents: DocumentTables
  readonly #edits: Edits
  readonly #snapshots: StateSnapshots
  readonly #upkeep: Upkeep
  readonly #windowRows: number
  readonly #broken = Promise.withResolvers<Error>()
  #isClosed = false

  /** @throws SluiceError `log-version` for a file of a newer Sluice or engine, `store-down` if it cannot be opened. */
  static async open(options: DuckdbOptions): Promise<DuckdbStore> {
    const engine = await Engine.open(options)
    try {
      const sql = new Sql(await engine.connect())
      await migrate(sql)
      const positions = new Positions()
      const series = new SeriesTable()
      const chunks = new Chunks()
      const edits = new Edits()
      const documents = new DocumentTables()
      const snapshots = new StateSnapshots(series, positions, readingsStream)
      for (const part of [positions, series, chunks, edits, documents]) await part.load(sql)
      await snapshots.load(sql, chunks)
      const removals = options.removals ?? new Removals()
      const parts = { sql, positions, series, chunks, edits, documents, snapshots, removals }
      return new DuckdbStore(engine, await Readers.open(engine), parts, options)
    } catch (error) {
      engine.close()
      throw error instanceof SluiceError ? error : sinkFailure(error)
    }
  }

  private constructor(engine: Engine, readers: Readers, parts: WriterParts, options: DuckdbOptions) {
    this.#engine = engine
    this.#readers = readers
    readers.onFailure = (error) => this.#look(error)
    this.#sql = parts.sql
    this.#series = parts.series
    this.#positions = parts.positions
    this.#chunks = parts.chunks
    this.#documents = parts.documents
    this.#edits = parts.edits
    this.#snapshots = parts.snapshots
    this.#writer = new Writer(parts)
    this.#windowRows = options.windowRows ?? windowRows
    this.#upkeep = new Upkeep(parts, this.#queue, new Retention(options.retention, options.clock), {
      chunkRows: options.chunkRows,
      clock: options.clock,
      reattach: () => this.#reattach(),
      failed: (error) => this.#look(error),
    })
  }

  /** Resolves when the engine can do nothing more until its file is opened anew: it ran out of memory while it undid a transaction, for one. */
  get broken(): Promise<Error> {
    return this.#broken.promise
  }

  /** The sink of one stream, with a position and books of its own. */
  sink(stream: string): Sink {
    return this.#lane({ stream, replay: '' })
  }

  /** A sink for rows that come again: they never take the fast lane for its word, and move a position of their own. */
  replaySink(replay: string, stream = readingsStream): Sink {
    if (replay === '') throw new RangeError('a replay needs a name')
    return this.#lane({ stream, replay })
  }

  async state(log: string, partition: number): Promise<SinkState | undefined> {
    return this.#positions.state(log, partition, { stream: readingsStream, replay: '' })
  }

  write(write: SinkWrite, signal: AbortSignal): Promise<Written> {
    return this.#write({ stream: readingsStream, replay: '' }, write, signal)
  }

  range(query: RangeQuery, signal: AbortSignal): AsyncIterable<RangeRows> {
    return range(this.#queryParts, query, signal)
  }

  buckets(query: BucketQuery, signal: AbortSignal): AsyncIterable<BucketRows> {
    return buckets(this.#queryParts, query, signal)
  }

  async latest(device: string | undefined, limit: number, signal: AbortSignal): Promise<LatestRow[]> {
    signal.throwIfAborted()
    return listLatest(this.#series, device, limit)
  }

  async devices(query: DeviceQuery, signal: AbortSignal): Promise<DevicePage> {
    signal.throwIfAborted()
    return listDevices(this.#series, query)
  }

  async series(
    device: string | undefined,
    after: { device: string; metric: string } | undefined,
    limit: number,
    signal: AbortSignal,
  ): Promise<SeriesRow[]> {
    signal.throwIfAborted()
    return listSeries(this.#series, device, after, limit)
  }

  documents(query: DocumentQuery, signal: AbortSignal): Promise<DocumentRow[]> {
    return queryDocuments(this.#readers, this.#documents, query, signal)
  }

  documentBytes(stream: string, signal: AbortSignal): Promise<DocumentBytes> {
    return documentBytes(this.#readers, this.#documents, stream, signal)
  }

  async count(signal: AbortSignal): Promise<{ readings: number; documents: number }> {
    const total = (tables: readonly { readonly table: string }[]) =>
      `(SELECT ${['0', ...tables.map(({ table }) => `(SELECT count(*) FROM ${table})`)].join(' + ')})`
    const [row] = await readChunks(this.#readers, signal, (sql) =>
      sql.rows(`SELECT ${total(this.#chunks.all)}, ${total(this.#documents.all)}`),
    )
    return { readings: toNumber(row?.[0]), documents: toNumber(row?.[1]) }
  }

  export(query: ExportQuery, format: 'csv' | 'parquet', path: string, signal: AbortSignal): Promise<number> {
    return exportRange(this.#queryParts, query, format, path, signal)
  }

  parts(signal: AbortSignal): Promise<CopyPart[]> {
    return copyParts(this.#copiedParts, signal)
  }

  scan(part: CopyPart, from: bigint, signal: AbortSignal): AsyncIterable<Batch> {
    return scanPart(this.#copiedParts, part, from, signal)
  }

  adopt(logs: readonly string[], replay: string): Promise<void> {
    return this.#queue.write(() => this.#positions.adopt(this.#sql, logs, replay))
  }

  /** Does all upkeep that is due (cutting, sorting, retention), or the first jobs of it, however busy the store is. */
  settle(maxJobs = Infinity): Promise<void> {
    return this.#upkeep.settle(maxJobs)
  }

  /** What the status page shows of the store's inside. */
  status(): DuckdbStatus {
    const { all } = this.#chunks
    return {
      chunks: all.length,
      rows: all.reduce((sum, chunk) => sum + chunk.rows, 0),
      unsortedRows: all.reduce((sum, chunk) => sum + chunk.unsorted, 0),
      upkeepError: this.#upkeep.lastError instanceof Error ? this.#upkeep.lastError.message : undefined,
    }
  }

  /** Finishes the writes that were taken, keeps the state of the series, empties the write-ahead log and closes the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#readers.close()
    await this.#upkeep.close()
    const last = this.#snapshots.isEmpty ? undefined : this.#queue.upkeep(() => this.#snapshot())
    await Promise.allSettled([last, this.#queue.close()])
    this.#engine.close()
  }

  get #copiedParts(): CopiedParts {
    return { ...this.#queryParts, positions: this.#positions, edits: this.#edits, documents: this.#documents }
  }

  get #queryParts(): QueryParts {
    const [readers, chunks, series] = [this.#readers, this.#chunks, this.#series]
    return { readers, chunks, series, windowRows: this.#windowRows }
  }

  #lane(lane: Lane): Sink {
    return {
      name: `${this.name}:${lane.stream}`,
      state: async (log, partition) => this.#positions.state(log, partition, lane),
      write: (write, signal) => this.#write(lane, write, signal),
      close: async () => {},
    }
  }

  #write(lane: Lane, write: SinkWrite, signal: AbortSignal): Promise<Written> {
    return this.#queue.write(async () => {
      if (signal.aborted) throw new SinkFailure('retry', 'closed', 'the write was called off before it began')
      const written = await this.#writer.write(lane, write).catch((error: unknown) => {
        this.#look(error)
        throw error
      })
      this.#upkeep.stored(written.stored + written.overwritten)
      return written
    })
  }

  /** Whatever meets a broken engine first, tells of it. */
  #look(error: unknown): void {
    if (error instanceof Error && isInvalidated(error)) this.#broken.resolve(sinkFailure(error))
  }

  /** One job of the writer queue, with the queries held back. */
  async #reattach(): Promise<void> {
    await this.#readers.pause()
    try {
      this.#sql.forgetPrepared()
      await this.#engine.reattach()
      this.#chunks.reattached()
    } finally {
      this.#readers.resume()
    }
  }

  async #snapshot(): Promise<void> {
    await this.#sql.transaction(() => this.#snapshots.save(this.#sql))
    this.#snapshots.saved()
  }
}
