import { type Batch, type Documents, type Edit, numberAt, type Readings } from '../../core/batch.ts'
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
import type { SeriesTable } from './series-table.ts'
import type { Sql } from './sql.ts'
import type { StateSnapshots } from './snapshots.ts'
import { upsert } from './upsert.ts'

export interface WriterParts {
  readonly sql: Sql
  readonly positions: Positions
  readonly series: SeriesTable
  readonly chunks: Chunks
  readonly edits: Edits
  readonly documents: DocumentTables
  readonly snapshots: StateSnapshots
}

/** What a batch became, and what to do in memory once it is committed. */
export interface Applied {
  readonly written: Written
  readonly commit: () => void
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

  /** One attempt; nothing has changed if it throws or returns refusals. @throws SinkFailure */
  async write(lane: Lane, write: SinkWrite): Promise<Written> {
    const { sql, positions, series } = this.#parts
    try {
      const origin = positions.origin(write.from)
      const prepared = await this.#prepare(lane, write.batch, write.from, origin)
      if (prepared.refused.length > 0) {
        series.undo()
        return { ...nothing, refused: prepared.refused }
      }
      const { applied, place } = await sql.transaction(async () => {
        await series.save(sql)
        const applied = await prepared.apply()
        return { applied, place: await positions.advance(sql, lane, write, applied.written) }
      })
      series.saved()
      applied.commit()
      positions.moved(lane, write, place)
      return applied.written
    } catch (error) {
      series.undo()
      throw sinkFailure(error)
    }
  }

  /** Everything that can be done, or refused, before the transaction begins. */
  async #prepare(lane: Lane, batch: Batch | undefined, from: Position, origin: number): Promise<Prepared> {
    if (batch === undefined)
      return { refused: [], apply: async () => ({ written: nothing, commit: () => {} }) }
    if (batch.kind === 'edit') return this.#prepareEdit(batch, origin)
    if (batch.kind === 'documents') return this.#prepareDocuments(batch, lane, from, origin)
    return this.#prepareReadings(batch, lane, from, origin)
  }

  async #prepareEdit(edit: Edit, origin: number): Promise<Prepared> {
    const { chunks, sql, edits } = this.#parts
    if (typeof edit.patch?.value === 'string') {
      for (const chunk of chunks.within(edit.from, edit.to))
        if (!chunk.hasText) await chunks.addText(sql, chunk)
    }
    return { refused: [], apply: () => edits.apply(this.#parts, edit, origin) }
  }

  async #prepareDocuments(batch: Documents, lane: Lane, from: Position, origin: number): Promise<Prepared> {
    const { documents, positions, sql } = this.#parts
    const isNew = lane.replay === '' && numberAt(batch, 0) >= positions.untouchedFrom(from.log)
    return documents.prepare(sql, batch, origin, isNew)
  }

  async #prepareReadings(given: Readings, lane: Lane, from: Position, origin: number): Promise<Prepared> {
    const { series, edits, positions } = this.#parts
    const isByNumberNew = lane.replay === '' && numberAt(given, 0) >= positions.untouchedFrom(from.log)
    const { batch, deleted } = edits.cover(given, origin)
    const lanes = splitLanes(batch, series, { log: from.log, isByNumberNew, deleted })
    if (lanes.refused.length > 0) return { refused: lanes.refused, apply: unreachable }
    await this.#ensureChunks(batch, lanes)
    return { refused: [], apply: () => this.#apply(batch, lanes, origin, lane) }
  }

  async #apply(batch: Readings, lanes: Lanes, origin: number, lane: Lane): Promise<Applied> {
    const { chunks, sql, series, snapshots } = this.#parts
    const rows = { batch, own: lanes.own, origin }
    const added: { chunk: Chunk; pick: Uint32Array | undefined; length: number }[] = []
    const append = async (chunk: Chunk, pick: Uint32Array | undefined) => {
      await this.#appender.append(chunk.table, chunk.hasText, rows, pick)
      added.push({ chunk, pick, length: pick?.length ?? batch.length })
    }

    const upserted = lanes.upserts === 0 ? undefined : await upsert(sql, batch, lanes, origin, chunks)
    const fast = this.#byChunk(batch, lanes)
    for (const [chunk, pick] of fast) await append(chunk, pick)
    if (upserted !== undefined) {
      const { winners } = upserted
      const parts = partition(winners.length, (i) =>
        chunks.indexOf(batch.time[winners[i] as number] as number),
      )
      for (const [index, part] of parts) {
        const pick = part.map((i) => winners[i] as number)
        await append(chunks.all[index] as Chunk, pick) // #ensureChunks made one for every time
      }
    }
    let stored = upserted?.stored ?? 0
    for (const [, pick] of fast) stored += pick?.length ?? batch.length
    const overwritten = upserted?.overwritten ?? 0
    // What is neither stored nor overwritten is older than what stands there, or an edit deleted it.
    const written = { stored, overwritten, repeated: batch.length - stored - overwritten, refused: [] }
    if (lane.replay !== '') await snapshots.rewind(sql, origin, numberAt(batch, 0))
    return {
      written,
      commit: () => {
        for (const { chunk, pick, length } of added) {
          chunk.rows += length
          chunk.unsorted += length
          chunks.wrote(length)
          chunk.watcher?.touched(lanes.own, batch.time, pick, length)
        }
        for (const [chunk, count] of upserted?.removed ?? []) chunk.rows -= count
        this.#noteLatest(batch, lanes, origin, upserted?.winners)
        for (const { own } of series.touched) series.dirty[own] = 1
        snapshots.stored(batch.length)
      },
    }
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

  #noteLatest(batch: Readings, lanes: Lanes, origin: number, winners: Uint32Array | undefined): void {
    const { series } = this.#parts
    const note = (own: number, i: number) => {
      if ((batch.time[i] as number) < (series.latestTime[own] as number)) return
      const text =
        batch.text !== undefined && ((batch.flags[i] as number) & 2) !== 0 ? textAt(batch.text, i) : undefined
      series.noteLatest(
        own,
        batch.time[i] as number,
        batch.value[i] as number,
        text,
        batch.quality[i] as number,
        origin,
        numberAt(batch, i),
      )
    }
    for (const { own } of series.touched) {
      const newest = series.newestRow[own] as number
      if (newest >= 0) note(own, newest)
    }
    for (const i of winners ?? []) {
      const own = lanes.own[i] as number
      const time = batch.time[i] as number
      if (time < (series.first[own] as number)) series.first[own] = time
      note(own, i)
    }
  }
}

export interface Prepared {
  readonly refused: readonly Refusal[]
  readonly apply: () => Promise<Applied>
}

async function unreachable(): Promise<never> {
  throw new SinkFailure('stop', 'internal', 'a refused batch is never applied')
}
