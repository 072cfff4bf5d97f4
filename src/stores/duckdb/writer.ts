import { type Documents, type Edit, isText, numberAt, type Readings } from '../../core/batch.ts'
import type { Position } from '../../core/position.ts'
import { type Refusal, SinkFailure, type SinkWrite, type Written } from '../../core/sink.ts'
import { textAt } from '../../core/text-column.ts'
import { RowAppender } from './appender.ts'
import type { Chunk, Chunks } from './chunks.ts'
import type { DocumentTables } from './documents.ts'
import type { Edits } from './edits.ts'
import { sinkFailure } from './failure.ts'
import { fastLane, type Lanes, splitLanes, upsertLane } from './lanes.ts'
import { partition } from './partition.ts'
import type { Lane, Positions } from './positions.ts'
import type { Removals } from './removals.ts'
import type { SeriesTable } from './series-table.ts'
import type { Sql } from './sql.ts'
import type { StateSnapshots } from './snapshots.ts'
import { removeLosers, UpsertPlan } from './upsert.ts'

export interface WriterParts {
  readonly sql: Sql
  readonly positions: Positions
  readonly series: SeriesTable
  readonly chunks: Chunks
  readonly edits: Edits
  readonly documents: DocumentTables
  readonly snapshots: StateSnapshots
  readonly removals: Removals
}

/** What a batch became, and what to do in memory once it is committed. */
export interface Applied {
  readonly written: Written
  readonly commit: () => void
  /** What is better done at once than later; its failure does not undo the write. */
  readonly after?: () => Promise<void>
}

const nothing: Written = { stored: 0, repeated: 0, overwritten: 0, refused: [] }

/** Applies one write at a time: rows, position and books in one transaction. */
export class Writer {
  readonly #parts: WriterParts
  readonly #appender: RowAppender

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#appender = new RowAppender(parts.sql.connection)
  }

  /** One attempt; if it throws or returns refusals, the position tells whether the write came to be. @throws SinkFailure */
  async write(lane: Lane, write: SinkWrite): Promise<Written> {
    const { sql, positions, series } = this.#parts
    try {
      const origin = positions.origin(write.from)
      const prepared = await this.#prepare(lane, write, origin)
      if (prepared.refused.length > 0) {
        series.undo()
        return { ...nothing, refused: prepared.refused }
      }
      const isMade = () => positions.isMoved(sql, lane, write)
      const { applied, place } = await sql.transaction(async () => {
        await series.save(sql)
        const applied = await prepared.apply()
        return { applied, place: await positions.advance(sql, lane, write, applied.written) }
      }, isMade)
      applied.commit()
      series.saved()
      positions.moved(lane, write, place)
      await applied.after?.()
      return applied.written
    } catch (error) {
      series.undo()
      throw sinkFailure(error)
    }
  }

  /** Everything that can be done, or refused, before the transaction begins. */
  async #prepare(lane: Lane, write: SinkWrite, origin: number): Promise<Prepared> {
    const { batch, from } = write
    if (batch === undefined)
      return { refused: [], apply: async () => ({ written: nothing, commit: () => {} }) }
    if (batch.kind === 'edit') return this.#prepareEdit(batch, lane, write, origin)
    if (batch.kind === 'documents') return this.#prepareDocuments(batch, lane, from, origin)
    return this.#prepareReadings(batch, lane, write, origin)
  }

  async #prepareEdit(edit: Edit, lane: Lane, write: SinkWrite, origin: number): Promise<Prepared> {
    const { chunks, sql, edits, positions } = this.#parts
    if (typeof edit.patch?.value === 'string') {
      for (const chunk of chunks.within(edit.from, edit.to))
        if (!chunk.hasText) await chunks.addText(sql, chunk)
    }
    const verify = () => positions.verify(sql, lane, write)
    const rowGroups = await edits.deleteSpread(this.#parts, edit, origin, verify)
    const apply = async () => {
      const applied = await edits.apply(this.#parts, edit, origin)
      return { ...applied, after: () => this.#parts.removals.noted(sql, rowGroups) }
    }
    return { refused: [], apply }
  }

  async #prepareDocuments(batch: Documents, lane: Lane, from: Position, origin: number): Promise<Prepared> {
    const { documents, positions, sql } = this.#parts
    const isNew = lane.replay === '' && numberAt(batch, 0) >= positions.untouchedFrom(from.log)
    return documents.prepare(sql, batch, origin, isNew)
  }

  async #prepareReadings(given: Readings, lane: Lane, write: SinkWrite, origin: number): Promise<Prepared> {
    const { from } = write
    const { series, edits, positions } = this.#parts
    const isByNumberNew = lane.replay === '' && numberAt(given, 0) >= positions.untouchedFrom(from.log)
    const { batch, deleted } = edits.cover(given, origin)
    const lanes = splitLanes(batch, series, { isByNumberNew, deleted })
    if (lanes.refused.length > 0) return { refused: lanes.refused, apply: unreachable }
    await this.#ensureChunks(batch, lanes)
    const plan =
      lanes.upserts === 0
        ? undefined
        : await UpsertPlan.make(this.#parts.sql, batch, lanes, origin, this.#parts.chunks)
    if (plan !== undefined) await this.#overwriteSpread(plan, batch, lanes, lane, write, origin)
    return { refused: [], apply: () => this.#apply(batch, lanes, plan, lane, origin) }
  }

  /**
   * Corrections that are spread over so many row groups that removing them in one transaction would take more memory than there is:
   * they are made a part at a time, before the transaction that moves the position. Should that one never come, the batch
   * comes again and finds them made: they are then repeats.
   */
  async #overwriteSpread(
    plan: UpsertPlan,
    batch: Readings,
    lanes: Lanes,
    lane: Lane,
    write: SinkWrite,
    origin: number,
  ): Promise<void> {
    const { sql, positions, removals, snapshots } = this.#parts
    const { maxRowGroups } = removals
    if (plan.rowGroups <= maxRowGroups) return
    await positions.begin(sql, lane, write)
    for (const chunk of plan.chunks) {
      for (;;) {
        const losers = await plan.findLosers(chunk, maxRowGroups)
        if (losers.winners.length === 0) break
        await sql.transaction(async () => {
          await positions.verify(sql, lane, write)
          if (lane.replay !== '') await snapshots.rewind(sql, origin, numberAt(batch, 0))
          await removeLosers(sql, chunk, losers)
          const rows = { batch, own: lanes.own, origin }
          await this.#appender.append(chunk.table, chunk.hasText, rows, losers.winners)
        })
        this.#added(chunk, batch, lanes, losers.winners)
        chunk.rows -= losers.winners.length
        this.#noteWinners(batch, lanes, origin, losers.winners)
        plan.replaced(chunk, losers)
        await removals.noted(sql, maxRowGroups)
      }
    }
  }

  async #apply(
    batch: Readings,
    lanes: Lanes,
    plan: UpsertPlan | undefined,
    lane: Lane,
    origin: number,
  ): Promise<Applied> {
    const { chunks, sql, series, snapshots, removals } = this.#parts
    const added: [Chunk, Uint32Array | undefined][] = []
    const append = async (chunk: Chunk, pick: Uint32Array | undefined) => {
      await this.#appender.append(chunk.table, chunk.hasText, { batch, own: lanes.own, origin }, pick)
      added.push([chunk, pick])
    }

    const fast = this.#byChunk(batch, lanes)
    for (const [chunk, pick] of fast) await append(chunk, pick)
    const newcomers = plan?.newcomers ?? noRows
    const parts = partition(newcomers.length, (i) =>
      chunks.indexOf(batch.time[newcomers[i] as number] as number),
    )
    for (const [index, part] of parts) {
      const pick = part.map((i) => newcomers[i] as number)
      await append(chunks.all[index] as Chunk, pick) // #ensureChunks made one for every time
    }
    const replaced: [Chunk, Uint32Array][] = []
    for (const chunk of plan?.chunks ?? []) {
      const losers = plan?.losers(chunk) ?? { rowids: new Float64Array(0), winners: noRows }
      await removeLosers(sql, chunk, losers)
      await append(chunk, losers.winners)
      replaced.push([chunk, losers.winners])
    }
    if (lane.replay !== '') await snapshots.rewind(sql, origin, numberAt(batch, 0))

    let stored = plan?.stored ?? 0
    for (const [, pick] of fast) stored += pick?.length ?? batch.length
    const overwritten = plan?.overwritten ?? 0
    // What is neither stored nor overwritten is older than what stands there, or an edit deleted it.
    const written = { stored, overwritten, repeated: batch.length - stored - overwritten, refused: [] }
    return {
      written,
      commit: () => {
        for (const [chunk, pick] of added) this.#added(chunk, batch, lanes, pick)
        for (const [chunk, winners] of replaced) {
          chunk.rows -= winners.length
          this.#noteWinners(batch, lanes, origin, winners)
        }
        this.#noteWinners(batch, lanes, origin, newcomers)
        this.#noteNewest(batch, origin)
        for (const { own } of series.touched) series.dirty[own] = 1
        snapshots.stored(batch.length)
      },
      after: () => removals.noted(sql, plan?.rowGroups ?? 0),
    }
  }

  /** Rows stand in a chunk now. */
  #added(chunk: Chunk, batch: Readings, lanes: Lanes, pick: Uint32Array | undefined): void {
    const length = pick?.length ?? batch.length
    chunk.rows += length
    chunk.unsorted += length
    this.#parts.chunks.wrote(length)
    chunk.watcher?.touched(lanes.own, batch.time, pick, length)
  }

  /** Rows of the fast lane by chunk; `undefined` for all rows of the batch in one chunk, the usual case. */
  #byChunk(batch: Readings, lanes: Lanes): [Chunk, Uint32Array | undefined][] {
    const { chunks } = this.#parts
    const picks = new Map<number, { rows: Uint32Array; size: number }>()
    let chunk: Chunk | undefined
    let pick: { rows: Uint32Array; size: number } | undefined
    for (let i = 0; i < batch.length; i++) {
      if (lanes.lane[i] !== fastLane) continue
      const time = batch.time[i] as number
      if (chunk === undefined || time < chunk.from || time >= chunk.to) {
        const index = chunks.indexOf(time)
        chunk = chunks.all[index] as Chunk // #ensureChunks made one for every time
        pick = picks.get(index)
        if (pick === undefined) {
          pick = { rows: new Uint32Array(batch.length), size: 0 }
          picks.set(index, pick)
        }
      }
      if (pick !== undefined) pick.rows[pick.size++] = i
    }
    return [...picks].map(([index, { rows, size }]) => [
      chunks.all[index] as Chunk, // as above
      size === batch.length ? undefined : rows.subarray(0, size),
    ])
  }

  async #ensureChunks(batch: Readings, lanes: Lanes): Promise<void> {
    const { chunks, sql } = this.#parts
    let chunk: Chunk | undefined
    for (let i = 0; i < batch.length; i++) {
      if ((lanes.lane[i] as number) > upsertLane) continue
      const time = batch.time[i] as number
      if (chunk !== undefined && time >= chunk.from && time < chunk.to) continue
      chunk = chunks.all[chunks.indexOf(time)] ?? (await chunks.create(sql, time))
      if (lanes.hasText && !chunk.hasText) await chunks.addText(sql, chunk)
    }
  }

  /** The newest rows of the fast lane. */
  #noteNewest(batch: Readings, origin: number): void {
    const { series } = this.#parts
    for (const { own } of series.touched) {
      const newest = series.newestRow[own] as number
      if (newest >= 0) this.#noteLatest(batch, origin, own, newest)
    }
  }

  /** Rows of the upsert lane that stand now. */
  #noteWinners(batch: Readings, lanes: Lanes, origin: number, winners: Uint32Array): void {
    const { series } = this.#parts
    for (const i of winners) {
      const own = lanes.own[i] as number
      const time = batch.time[i] as number
      if (time < (series.first[own] as number)) series.first[own] = time
      series.dirty[own] = 1
      this.#noteLatest(batch, origin, own, i)
    }
  }

  #noteLatest(batch: Readings, origin: number, own: number, i: number): void {
    const { series } = this.#parts
    const time = batch.time[i] as number
    if (time < (series.latestTime[own] as number)) return
    const hasText = batch.text !== undefined && ((batch.flags[i] as number) & isText) !== 0
    const text = batch.text !== undefined && hasText ? textAt(batch.text, i) : undefined
    const value = batch.value[i] as number
    series.noteLatest(own, time, value, text, batch.quality[i] as number, origin, numberAt(batch, i))
  }
}

const noRows = new Uint32Array(0)

export interface Prepared {
  readonly refused: readonly Refusal[]
  readonly apply: () => Promise<Applied>
}

async function unreachable(): Promise<never> {
  throw new SinkFailure('stop', 'internal', 'a refused batch is never applied')
}
