import { type Edit, isText, numberAt, type Readings } from '../../core/batch.ts'
import { type TextColumn, textAt, textColumn } from '../../core/text-column.ts'
import type { Chunk, Chunks } from './chunks.ts'
import { newestColumns, newestOf } from './newest.ts'
import { generationOf, generationStart } from './positions.ts'
import type { Removals } from './removals.ts'
import { numberKind, type SeriesTable, textKind } from './series-table.ts'
import type { LatestState, SeriesRest, StateSnapshots } from './snapshots.ts'
import { exact, int, type Sql, timeBound, toBigint, toNumber, toText } from './sql.ts'
import type { Applied } from './writer.ts'

/** An edit as the store remembers it: it covers rows of older logs, and rows of its own log and partition with a lower number. */
export interface StoredEdit {
  readonly origin: number
  readonly seq: bigint
  readonly device: string
  readonly metric: string | undefined
  readonly from: number
  readonly to: number
  /** undefined: delete. */
  readonly patch: Edit['patch']
}

interface EditParts {
  readonly sql: Sql
  readonly series: SeriesTable
  readonly chunks: Chunks
  readonly snapshots: StateSnapshots
  readonly removals: Removals
}

/**
 * Users' deletes and patches, in the order of the log. Each is applied to what stands there, and remembered for good: rows with a lower
 * number are deleted or patched on their way in. When the last of those may come nobody knows: the log loses them, but another
 * store, or a copy of one, may hold them for years.
 */
export class Edits {
  readonly #byDevice = new Map<string, StoredEdit[]>()
  #newest = new Map<number, bigint>()

  async load(sql: Sql): Promise<void> {
    const rows = await sql.rows(
      `SELECT origin, seq, ${exact('device')}, ${exact('metric')}, from_time, to_time, is_delete, value, ${exact('text')}, quality FROM edits`,
    )
    for (const row of rows) {
      const value = row[7] != null ? toNumber(row[7]) : row[8] != null ? toText(row[8]) : undefined
      this.#remember({
        origin: toNumber(row[0]),
        seq: toBigint(row[1]),
        device: toText(row[2]),
        metric: row[3] == null ? undefined : toText(row[3]),
        from: toNumber(row[4]),
        to: toNumber(row[5]),
        patch:
          row[6] === true
            ? undefined
            : {
                ...(value === undefined ? {} : { value }),
                ...(row[9] == null ? {} : { quality: toNumber(row[9]) }),
              },
      })
    }
  }

  /** Those of an origin, in the order of their numbers. */
  ofOrigin(origin: number): StoredEdit[] {
    const all = [...this.#byDevice.values()].flat()
    return all
      .filter((edit) => edit.origin === origin)
      .sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0))
  }

  /** What remembered edits make of rows on their way in: a patched batch, and which rows are deleted. The same batch if nothing changes. */
  cover(batch: Readings, origin: number): { batch: Readings; deleted: Uint8Array | undefined } {
    if (!this.#mayCover(batch, origin)) return { batch, deleted: undefined }
    let deleted: Uint8Array | undefined
    let patched: PatchedBatch | undefined
    for (let i = 0; i < batch.length; i++) {
      const name = batch.names.get(batch.series[i] as number)
      const edits = name && this.#byDevice.get(name.device)
      if (name === undefined || edits === undefined) continue
      for (const edit of edits) {
        if (edit.metric !== undefined && edit.metric !== name.metric) continue
        const time = batch.time[i] as number
        if (time < edit.from || time >= edit.to || !isCovered(edit, origin, numberAt(batch, i))) continue
        if (edit.patch === undefined) {
          deleted ??= new Uint8Array(batch.length)
          deleted[i] = 1
          break
        }
        patched ??= new PatchedBatch(batch)
        patched.patch(i, edit.patch)
      }
    }
    return { batch: patched?.batch() ?? batch, deleted }
  }

  /**
   * Before the transaction of an edit that deletes rows all over the store: removes them a part at a time, with what is known of the
   * series put in the file first. The edit itself, coming again after a crash, goes on with the rest. `verify` throws where the
   * edit is not due. Returns in how many row groups there is something left to remove.
   */
  async deleteSpread(
    parts: EditParts,
    edit: Edit,
    origin: number,
    verify: () => Promise<void>,
  ): Promise<number> {
    const { sql, series, chunks, snapshots, removals } = parts
    const ids = series.ofDevice(edit.device, edit.metric)
    if (edit.patch !== undefined || ids.length === 0) return 0
    const where = covers({ ...edit, origin, seq: numberAt(edit, 0) }, ids)
    const found = chunks.within(edit.from, edit.to)
    let rowGroups = 0
    for (const chunk of found) rowGroups += await removals.countRowGroups(sql, chunk, where)
    if (rowGroups <= removals.maxRowGroups) return rowGroups
    await sql.transaction(async () => {
      await verify()
      await snapshots.save(sql)
    })
    snapshots.saved()
    for (const chunk of found) {
      chunk.watcher?.touchedRange(ids, edit.from, edit.to)
      await removals.remove(sql, chunk, where)
    }
    return 0
  }

  /** Applies an edit inside the open transaction. One that was applied already changes nothing. */
  async apply(parts: EditParts, edit: Edit, origin: number): Promise<Applied> {
    const { sql, snapshots } = parts
    const stored: StoredEdit = {
      origin,
      seq: numberAt(edit, 0),
      device: edit.device,
      metric: edit.metric,
      from: edit.from,
      to: edit.to,
      patch: edit.patch,
    }
    const written = { stored: 0, repeated: 0, overwritten: 0, refused: [] }
    const known = this.#byDevice.get(edit.device) ?? []
    if (known.some((other) => other.origin === origin && other.seq === stored.seq)) {
      return { written, commit: () => {} }
    }
    await insertEdit(sql, stored)
    // An edit that comes late is followed by the later ones that it may have written over.
    const again = known.filter((other) => isLater(other, stored) && overlaps(other, stored))
    const changes: Change[] = []
    for (const each of [stored, ...again]) changes.push(...(await change(parts, each)))
    const rest = await remainders(parts, stored)
    await snapshots.save(sql, rest)
    return {
      written,
      commit: () => {
        snapshots.saved()
        this.#remember(stored)
        for (const { chunk, removed, ids, edit } of changes) {
          chunk.rows -= removed
          chunk.watcher?.touchedRange(ids, edit.from, edit.to)
          noteKind(parts.series, ids, edit)
        }
        for (const [own, left] of rest) setRest(parts.series, own, left)
      },
    }
  }

  #remember(edit: StoredEdit): void {
    const edits = [...(this.#byDevice.get(edit.device) ?? []), edit]
    this.#byDevice.set(
      edit.device,
      edits.sort((a, b) => (isLater(a, b) ? 1 : -1)),
    )
    const newest = this.#newest.get(edit.origin)
    if (newest === undefined || newest < edit.seq) this.#newest.set(edit.origin, edit.seq)
  }

  #mayCover(batch: Readings, origin: number): boolean {
    const first = numberAt(batch, 0)
    for (const [of, seq] of this.#newest) {
      if (of === origin ? first < seq : generationOf(of) > generationOf(origin)) return true
    }
    return false
  }
}

function isLater(a: StoredEdit, b: StoredEdit): boolean {
  return a.origin === b.origin ? a.seq > b.seq : a.origin > b.origin
}

function overlaps(a: StoredEdit, b: StoredEdit): boolean {
  const sameMetric = a.metric === undefined || b.metric === undefined || a.metric === b.metric
  return sameMetric && a.from < b.to && b.from < a.to
}

function isCovered(edit: StoredEdit, origin: number, seq: bigint): boolean {
  return edit.origin === origin ? seq < edit.seq : origin < generationStart(edit.origin)
}

async function insertEdit(sql: Sql, edit: StoredEdit): Promise<void> {
  const { value, quality } = edit.patch ?? {}
  await sql.run(
    `INSERT INTO edits VALUES (${int(edit.origin)}, ${int(edit.seq)}, $1, $2, ${timeBound(edit.from)}, ${timeBound(edit.to)},
      ${edit.patch === undefined}, $3::DOUBLE, $4::VARCHAR, ${quality === undefined ? 'NULL' : int(quality)})`,
    [
      edit.device,
      edit.metric ?? null,
      typeof value === 'number' ? value : null,
      typeof value === 'string' ? value : null,
    ],
  )
}

interface Change {
  readonly chunk: Chunk
  readonly removed: number
  readonly ids: readonly number[]
  readonly edit: StoredEdit
}

/** The rows that an edit covers, as SQL. */
function covers(
  { origin, seq, from, to }: Pick<StoredEdit, 'origin' | 'seq' | 'from' | 'to'>,
  ids: readonly number[],
): string {
  return `series IN (${ids.join(', ')}) AND time >= ${timeBound(from)} AND time < ${timeBound(to)}
    AND (origin < ${int(generationStart(origin))} OR (origin = ${int(origin)} AND seq < ${int(seq)}))`
}

/** Deletes or patches the rows that stand there. */
async function change({ sql, series, chunks }: EditParts, edit: StoredEdit): Promise<Change[]> {
  const ids = series.ofDevice(edit.device, edit.metric)
  const changes: Change[] = []
  if (ids.length === 0) return changes
  const where = covers(edit, ids)
  for (const chunk of chunks.within(edit.from, edit.to)) {
    if (edit.patch === undefined) {
      const removed = await sql.run(`DELETE FROM ${chunk.table} WHERE ${where}`)
      changes.push({ chunk, removed, ids, edit })
      continue
    }
    const { value, quality } = edit.patch
    const set: string[] = []
    if (quality !== undefined) set.push(`quality = ${int(quality)}`)
    if (typeof value === 'number') {
      set.push('value = $1::DOUBLE', 'flags = flags & 253')
      if (chunk.hasText) set.push('text = NULL')
    }
    if (typeof value === 'string') {
      set.push('value = NULL', 'flags = flags | 2', 'text = $1')
    }
    if (set.length === 0) continue
    await sql.run(
      `UPDATE ${chunk.table} SET ${set.join(', ')} WHERE ${where}`,
      value === undefined ? [] : [value],
    )
    changes.push({ chunk, removed: 0, ids, edit })
  }
  return changes
}

function noteKind(series: SeriesTable, ids: readonly number[], { patch }: StoredEdit): void {
  if (patch?.value === undefined) return
  for (const own of ids) {
    series.kinds[own] =
      (series.kinds[own] as number) | (typeof patch.value === 'string' ? textKind : numberKind)
    series.dirty[own] = 1
  }
}

/** What is left of the series whose first or newest row lay in the edit's range. */
async function remainders(parts: EditParts, edit: StoredEdit): Promise<Map<number, SeriesRest>> {
  const { sql, series, chunks } = parts
  const within = (time: number) => time >= edit.from && time < edit.to
  const ids = series
    .ofDevice(edit.device, edit.metric)
    .filter((own) => within(series.latestTime[own] as number) || within(series.first[own] as number))
  return findRemainders(sql, chunks.all, ids)
}

/** First and newest row of the series, as they stand in the open transaction. */
export async function findRemainders(
  sql: Sql,
  chunks: readonly Chunk[],
  ids: readonly number[],
): Promise<Map<number, SeriesRest>> {
  const found = new Map<number, SeriesRest>()
  if (ids.length === 0) return found
  for (const own of ids) found.set(own, { first: Infinity, latest: undefined })
  for (const chunk of chunks) {
    const rows = await sql.rows(
      `SELECT ${newestColumns(chunk)} FROM ${chunk.table} WHERE series IN (${ids.join(', ')}) GROUP BY series`,
    )
    for (const row of rows) {
      const { own, first, latest } = newestOf(row)
      found.set(own, { first: Math.min(first, found.get(own)?.first ?? Infinity), latest })
    }
  }
  return found
}

export function setRest(series: SeriesTable, own: number, { first, latest }: SeriesRest): void {
  series.clearLatest(own)
  series.first[own] = first
  if (latest === undefined) return
  const { time, value, text, quality, origin, seq }: LatestState = latest
  series.noteLatest(own, time, value, text, quality, origin, seq)
}

/** A copy of a batch whose rows can be patched. */
class PatchedBatch {
  readonly #given: Readings
  readonly #value: Float64Array
  readonly #quality: Uint8Array
  readonly #flags: Uint8Array
  readonly #texts = new Map<number, string>()

  constructor(given: Readings) {
    this.#given = given
    this.#value = given.value.slice(0, given.length)
    this.#quality = given.quality.slice(0, given.length)
    this.#flags = given.flags.slice(0, given.length)
  }

  patch(i: number, { value, quality }: NonNullable<Edit['patch']>): void {
    if (quality !== undefined) this.#quality[i] = quality
    const flags = this.#flags[i] as number
    if (typeof value === 'number') {
      this.#value[i] = value
      this.#flags[i] = flags & ~isText
    } else if (value !== undefined) {
      this.#value[i] = Number.NaN
      this.#flags[i] = flags | isText
      this.#texts.set(i, value)
    }
  }

  batch(): Readings {
    const text = this.#texts.size === 0 ? this.#given.text : this.#text()
    return { ...this.#given, value: this.#value, quality: this.#quality, flags: this.#flags, text }
  }

  #text(): TextColumn {
    const { text, length } = this.#given
    const values: string[] = []
    for (let i = 0; i < length; i++)
      values.push(this.#texts.get(i) ?? (text === undefined ? '' : textAt(text, i)))
    return textColumn(values)
  }
}
