import { letterReplaysStream } from '../../core/letter-replay.ts'
import type { Position } from '../../core/position.ts'
import { SinkFailure, type SinkBooks, type SinkState, type SinkWrite, type Written } from '../../core/sink.ts'
import { fenced } from './failure.ts'
import { int, type Sql, toBigint, toNumber, toText } from './sql.ts'

/** Whose position a write moves: the live one of a stream, or that of a replay. */
export interface Lane {
  readonly stream: string
  /** '' for the live lane; else the replay's name, whose position and books stand in a row of their own. */
  readonly replay: string
}

export interface Place {
  readonly origin: number
  readonly next: bigint
  readonly books: SinkBooks
}

const partitions = 4096
/** Of the first log that a store meets: below it is room for older ones, whose rows a copy may bring. */
const firstGeneration = 1024
const noTerms = { handed: 0, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }
const nothing: Written = { stored: 0, repeated: 0, overwritten: 0, refused: [] }
const noBooks: SinkBooks = { ...noTerms, stored: 0, repeated: 0, overwritten: 0 }

/**
 * The positions and books of every log, partition, stream and replay that this store has met. A log it does not know
 * gets the highest generation + 1; rows of two logs compare by (generation, number).
 */
export class Positions {
  readonly #places = new Map<string, Place & Lane & { readonly log: string }>()

  async load(sql: Sql): Promise<void> {
    const rows = await sql.rows(
      `SELECT log, part, stream, replay, origin, next,
        handed, stored, repeated, overwritten, filtered, dead_lettered, expired, damaged FROM positions`,
    )
    for (const row of rows) {
      const [handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged] = row
        .slice(6)
        .map((cell) => toNumber(cell)) as [number, number, number, number, number, number, number, number] // eight columns were asked
      const lane = { stream: toText(row[2]), replay: toText(row[3]) }
      this.#places.set(key(toText(row[0]), toNumber(row[1]), lane), {
        ...lane,
        log: toText(row[0]),
        origin: toNumber(row[4]),
        next: toBigint(row[5]),
        books: { handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged },
      })
    }
  }

  state(log: string, partition: number, lane: Lane): SinkState | undefined {
    const place = this.#places.get(key(log, partition, lane))
    return place && { position: { log, partition, next: place.next }, books: place.books }
  }

  /** The origin of a log's partition: known, or the one it gets with its first write. */
  origin({ log, partition }: Position): number {
    if (partition >= partitions) {
      throw new SinkFailure(
        'stop',
        'store-refused',
        `partition ${partition}: at most ${partitions} are kept apart`,
      )
    }
    let generation = firstGeneration
    for (const place of this.#places.values()) {
      const own = generationOf(place.origin)
      if (place.log === log) return own * partitions + partition
      generation = Math.max(generation, own + 1)
    }
    return generation * partitions + partition
  }

  /**
   * Numbers from this one on were given to no row that stands here: neither by a replay that runs ahead of the live lane, nor by
   * another log, whose by-number rows have the same identity as this log's row of that number. A replayed letter's row lies behind the
   * live lane, however far the requests have come.
   */
  untouchedFrom(log: string): bigint {
    let floor = 0n
    for (const place of this.#places.values()) {
      if (place.log === log && (place.replay === '' || place.stream === letterReplaysStream)) continue
      if (place.next > floor) floor = place.next
    }
    return floor
  }

  /** The logs, older ones first, with their generations. */
  get logs(): Map<string, number> {
    const places = [...this.#places.values()].sort((a, b) => a.origin - b.origin)
    return new Map(places.map(({ log, origin }) => [log, generationOf(origin)]))
  }

  /**
   * Makes logs known that a copy brings, older ones first: each gets a generation between those of its neighbours here. @throws SinkFailure
   * `stop` where there is none.
   */
  async adopt(sql: Sql, order: readonly string[], replay: string): Promise<void> {
    const known = this.logs
    for (const log of order) {
      if (known.has(log)) continue
      const at = order.indexOf(log)
      const generations = (logs: readonly string[]) => logs.flatMap((each) => known.get(each) ?? [])
      const later = generations(order.slice(at + 1))
      const generation =
        later.length === 0 ? 1 + Math.max(firstGeneration - 1, ...known.values()) : Math.min(...later) - 1
      if (generation < 0 || [...known.values()].includes(generation))
        throw orderFailure(
          `log ${log} is older than logs that this store has met, and there is no room before them`,
        )
      known.set(log, generation)
    }
    const generations = order.map((log) => known.get(log) as number)
    if (generations.some((generation, i) => i > 0 && generation <= (generations[i - 1] as number)))
      throw orderFailure('the two stores have met their logs in different orders')
    const lane = { stream: adoptedStream, replay }
    for (const log of order) {
      if (this.logs.has(log)) continue
      const place = { origin: (known.get(log) as number) * partitions, next: 0n, books: noBooks }
      await sql.transaction(() => insertPlace(sql, log, 0, lane, place))
      this.#places.set(key(log, 0, lane), { ...place, ...lane, log })
    }
  }

  /** Log and partition of an origin. */
  placeOf(origin: number): { readonly log: string; readonly partition: number } | undefined {
    for (const { log, origin: own } of this.#places.values())
      if (generationOf(own) === generationOf(origin)) return { log, partition: origin % partitions }
    return undefined
  }

  /** Every origin that rows may have. */
  origins(): Set<number> {
    return new Set([...this.#places.values()].map((place) => place.origin))
  }

  /** The live position of a stream in every log and partition, by origin. */
  liveNext(stream: string): Map<number, bigint> {
    const next = new Map<number, bigint>()
    for (const place of this.#places.values()) {
      if (place.replay === '' && place.stream === stream) next.set(place.origin, place.next)
    }
    return next
  }

  /** Gives a log that is new here its position, so that its rows, which carry its origin, may stand before their write moves it. */
  async begin(sql: Sql, lane: Lane, { from, batch }: SinkWrite): Promise<void> {
    if (this.#places.has(key(from.log, from.partition, lane))) return
    const nowhere = { batch, from, to: from, terms: noTerms }
    const place = await sql.transaction(() => this.advance(sql, lane, nowhere, nothing))
    this.moved(lane, nowhere, place)
  }

  /** Inside an open transaction that changes rows ahead of the position. @throws SinkFailure `stop` if it is not at `from`. */
  async verify(sql: Sql, lane: Lane, { from }: SinkWrite): Promise<void> {
    const next = await this.#nextIn(sql, lane, from)
    const known = this.#places.get(key(from.log, from.partition, lane))
    if (next !== (known === undefined ? undefined : from.next)) {
      throw fenced(`the position of log ${from.log} is not at ${from.next}`)
    }
  }

  /** Whether the write stands in the file, as nobody else moves the position from where it was. */
  async isMoved(sql: Sql, lane: Lane, { from, to }: SinkWrite): Promise<boolean> {
    const next = await this.#nextIn(sql, lane, from)
    return to.next > from.next && next === to.next
  }

  /** The position in the file; undefined where it has none. */
  async #nextIn(sql: Sql, lane: Lane, { log, partition }: Position): Promise<bigint | undefined> {
    const [row] = await sql.rows(
      `SELECT next FROM positions WHERE log = $1 AND part = ${int(partition)} AND stream = $2 AND replay = $3`,
      [log, lane.stream, lane.replay],
    )
    return row && toBigint(row[0])
  }

  /** Moves the position and adds to the books, inside the open transaction. @throws SinkFailure `stop` if the position is not at `from`. */
  async advance(sql: Sql, lane: Lane, write: SinkWrite, written: Written): Promise<Place> {
    const { from, to, terms } = write
    const at = key(from.log, from.partition, lane)
    const place = this.#places.get(at)
    if (from.log !== to.log || from.partition !== to.partition || to.next < from.next) {
      throw new SinkFailure(
        'stop',
        'store-refused',
        'a write must stay in one log and partition and go forward',
      )
    }
    const counts = [
      terms.handed,
      written.stored,
      written.repeated,
      written.overwritten,
      terms.filtered,
      terms.deadLettered,
      terms.expired,
      terms.damaged,
    ]
    const books = add(place?.books ?? noBooks, terms, written)
    const origin = this.origin(from)
    if (place === undefined) {
      const present = await sql.rows(
        `SELECT 1 FROM positions WHERE log = $1 AND part = ${int(from.partition)} AND stream = $2 AND replay = $3`,
        [from.log, lane.stream, lane.replay],
      )
      if (present.length > 0) throw fenced(`the position of log ${from.log} was created by another owner`)
      const first = { origin, next: to.next, books }
      await insertPlace(sql, from.log, from.partition, lane, first)
      return first
    }
    const changed = await sql.runPrepared(
      `UPDATE positions SET next = $5::BIGINT, handed = handed + $7::BIGINT, stored = stored + $8::BIGINT,
        repeated = repeated + $9::BIGINT, overwritten = overwritten + $10::BIGINT, filtered = filtered + $11::BIGINT,
        dead_lettered = dead_lettered + $12::BIGINT, expired = expired + $13::BIGINT, damaged = damaged + $14::BIGINT
      WHERE log = $1 AND part = $2::UINTEGER AND stream = $3 AND replay = $4 AND next = $6::BIGINT`,
      [from.log, from.partition, lane.stream, lane.replay, to.next, from.next, ...counts.map(BigInt)],
    )
    if (changed !== 1) {
      throw fenced(
        `${changed} position rows of log ${from.log} stood at ${from.next}, this store has ${place.next}`,
      )
    }
    return { origin, next: to.next, books }
  }

  /** After the commit: what `advance` returned is so. */
  moved(lane: Lane, write: SinkWrite, place: Place): void {
    const { log, partition } = write.from
    this.#places.set(key(log, partition, lane), { ...place, ...lane, log })
  }
}

/** What stands in a position's row for a log that nothing has come of yet. */
const adoptedStream = ''

function orderFailure(why: string): SinkFailure {
  return new SinkFailure(
    'stop',
    'store-refused',
    `${why}: which of their rows win could not be kept; copy into a new store`,
  )
}

async function insertPlace(
  sql: Sql,
  log: string,
  partition: number,
  lane: Lane,
  place: Place,
): Promise<void> {
  const { origin, next, books } = place
  const { handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged } = books
  const counts = [handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged]
  await sql.run(
    `INSERT INTO positions VALUES ($1, ${int(partition)}, $2, $3, ${int(origin)}, ${int(next)}, ${counts.map(int).join(', ')})`,
    [log, lane.stream, lane.replay],
  )
}

export function generationOf(origin: number): number {
  return Math.floor(origin / partitions)
}

/** The lowest origin of a generation: origins below it are of older logs. */
export function generationStart(origin: number): number {
  return generationOf(origin) * partitions
}

function key(log: string, partition: number, lane: Lane): string {
  return JSON.stringify([log, partition, lane.stream, lane.replay])
}

function add(books: SinkBooks, terms: SinkWrite['terms'], written: Written): SinkBooks {
  return {
    handed: books.handed + terms.handed,
    stored: books.stored + written.stored,
    repeated: books.repeated + written.repeated,
    overwritten: books.overwritten + written.overwritten,
    filtered: books.filtered + terms.filtered,
    deadLettered: books.deadLettered + terms.deadLettered,
    expired: books.expired + terms.expired,
    damaged: books.damaged + terms.damaged,
  }
}
