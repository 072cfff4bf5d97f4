import type { Durable } from '../core/durable.ts'
import { isText } from '../core/batch.ts'
import { type Discard, type Discarder, encodeDiscard, type Recount } from '../core/discard.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import type { DeadLetter, DoorBooks, Intake, ValueKind } from '../core/intake.ts'
import type { Changes, Log } from '../core/log.ts'
import { stateStream } from '../core/keyed-state.ts'
import type { NewSeries, SeriesId } from '../core/series.ts'
import type { Clock } from '../lib/clock.ts'
import { Columns } from './columns.ts'
import { DeviceLetters } from './device-letters.ts'
import { letterBody, OpenCommit } from './open-commit.ts'
import { type SeriesLimits, type SeriesRule, SeriesTable } from './series-table.ts'

export interface IntakeOptions {
  readonly limits: SeriesLimits
  readonly rules: readonly SeriesRule[]
  readonly strict: boolean
  /** Rows after which a commit goes to the log even while others sync. */
  readonly maxRows: number
  /** Milliseconds to wait for more before a commit; 0 commits as soon as the log is free. */
  readonly lingerMs: number
  /** Bytes of records on their way to disk; beyond it sources wait. */
  readonly maxBytes: number
  /** Bytes of dead letters that may be kept. */
  readonly deadLetters: {
    readonly maxBytes: number
    /** Of one device; as many as of all unless given. */
    readonly maxBytesPerDevice?: number | undefined
  }
}

export interface IntakeStart {
  readonly names: Iterable<NewSeries>
  /** One more than the highest series id given. */
  readonly series: number
  readonly books: DoorBooks
}

/** Commits on their way to the log at once: one that syncs, one that waits for it. */
const maxUnderway = 2
/** Shared columns made, and used again and again; when all are on their way, private ones do. */
const maxShared = 8
const bytesPerRow = 22
const noBytes = new Uint8Array(0)

export function createIntake(
  log: Log,
  clock: Clock,
  start: IntakeStart,
  options: IntakeOptions,
): GroupCommitIntake {
  return new GroupCommitIntake(log, clock, start, options)
}

/**
 * Group commit: rows gather in the open commit while the one before it syncs, so commits grow with the load and stay
 * small and quick without it. Nothing waits for a timer unless `lingerMs` asks for it.
 */
export class GroupCommitIntake implements Intake, Discarder {
  now: number
  readonly books: DoorBooks
  readonly #log: Log
  readonly #clock: Clock
  readonly #options: IntakeOptions
  readonly #table: SeriesTable
  readonly #spare: Columns[] = []
  #shared = 0
  #open: OpenCommit
  #isScheduled = false
  /** Commits given to the log and not answered, and their bytes. */
  #underway = 0
  #underwayBytes = 0
  #last: Promise<Durable> | undefined
  #room: PromiseWithResolvers<void> | undefined
  #isClosed = false
  #failedMessages = 0
  readonly #devices: DeviceLetters
  /** The last letter found no room. */
  #isLetterRefused = false

  constructor(log: Log, clock: Clock, start: IntakeStart, options: IntakeOptions) {
    this.#log = log
    this.#clock = clock
    this.#options = options
    this.#devices = new DeviceLetters(options.deadLetters.maxBytesPerDevice ?? Number.POSITIVE_INFINITY)
    this.#table = new SeriesTable(start, options.limits, options.rules, options.strict)
    this.books = { ...start.books }
    this.#open = new OpenCommit(this.#columns())
    this.now = clock.now()
  }

  tick(): void {
    this.now = this.#clock.now()
  }

  series(device: string, metric: string, kind: ValueKind, unit?: string): SeriesId {
    return this.#table.get(device, metric, kind, unit)
  }

  add(series: SeriesId, time: number, value: number, quality: number, flags: number): void {
    const columns = this.#open.columns
    if (columns.length === columns.capacity) this.#grow()
    this.#open.columns.add(series, time, value, quality, flags)
  }

  addText(series: SeriesId, time: number, text: string, quality: number, flags: number): void {
    this.add(series, time, Number.NaN, quality, flags | isText)
    this.#open.columns.text(text)
    this.#open.bytes += text.length
  }

  addExtra(json: string): void {
    this.#open.columns.extra(json)
    this.#open.bytes += json.length
  }

  addDocument(stream: string, key: string, time: number, body: Uint8Array): void {
    this.#open.addDocument(stream, key, time, body)
  }

  set(key: string, value: Uint8Array | undefined, options?: { readonly makesRoom?: boolean }): void {
    if (value?.length === 0) throw new TypeError(`the key ${key} was given an empty value`)
    this.#open.addDocument(stateStream, key, this.now, value ?? noBytes)
    this.#open.isNeeded ||= options?.makesRoom === true
  }

  addEdit(edit: Changes['edits'][number]): void {
    // An edit stands after every row added before it, and rows added later must not slip in front: it ends its commit.
    this.#open.edits.push(edit)
    this.#seal()
  }

  mark(): number {
    return this.#open.length
  }

  rollback(mark: number): void {
    for (const [device, bytes] of this.#open.rollback(mark)) {
      this.books.letterBytes -= bytes
      this.#devices.remove(device, bytes)
    }
  }

  reject(letter: DeadLetter): void {
    const body = letterBody(letter)
    const size = Buffer.byteLength(body)
    const { device = '', key } = letter
    const hasRoom = device === '' || this.#devices.hasRoom(device, size)
    this.#isLetterRefused = this.books.letterBytes + size > this.#options.deadLetters.maxBytes
    if (this.#isLetterRefused) {
      throw new SluiceError(
        'undecodable',
        'the dead letters are full; discard or replay some, or raise deadLetters.maxBytes',
      )
    }
    // A sink's letter is of a row that was acknowledged: it is kept, and what the device sends then finds the less room.
    if (!hasRoom && key === undefined) {
      const why = `the dead letters of the device ${JSON.stringify(device)} are full; discard or replay some, or raise deadLetters.maxBytesPerDevice`
      throw new SluiceError('undecodable', why)
    }
    if (device !== '') this.#devices.add(device, size)
    this.books.letterBytes += size
    this.#open.addLetter(key ?? device, device, this.now, body, size)
    // The row of a sink's letter was accepted at a door, and is dead lettered in the books of the sink.
    if (key === undefined) this.#open.letters++
    else this.#open.isNeeded = true
  }

  receivedAt(time: number): void {
    this.now = time
  }

  discard(discard: Discard): void {
    const body = encodeDiscard(discard)
    // The record is kept among the letters, and counts like them. It has no bound: it makes room.
    const size = Buffer.byteLength(body)
    this.books.letterBytes += size
    this.#open.addLetter('', '', this.now, body, size)
  }

  giveBack(bytes: number, device = ''): void {
    this.#devices.remove(device, bytes)
    this.#open.freed.push([device, bytes])
    const freed = Math.min(bytes, this.books.letterBytes)
    this.books.letterBytes -= freed
    this.#open.letterBytes -= freed
    this.#open.isCounted = true
    this.#isLetterRefused = false
  }

  recount(): Recount {
    return this.#devices.recount()
  }

  countMessage(outcome: 'accepted' | 'refused' | 'deadLettered'): void {
    this.#open.isCounted = true
    this.books.messagesReceived++
    if (outcome === 'accepted') {
      this.books.messagesAccepted++
      this.#open.accepted++
    } else if (outcome === 'deadLettered') {
      this.books.messagesDeadLettered++
      this.#open.deadLettered++
    } else this.books.messagesRefused++
  }

  countRefusedRows(rows: number): void {
    this.#open.isCounted = true
    this.#open.refusedRows += rows
  }

  durable(): Promise<Durable> {
    if (this.#open.isEmpty && !this.#table.hasNew && this.#last) return this.#last
    // Before the first commit of a run there is none to point to: an empty one is made.
    this.#open.isCounted = true
    this.#open.isAsked = true
    const { promise } = this.#open.durable
    if (this.#open.columns.length >= this.#options.maxRows) this.#seal()
    else this.#schedule()
    return promise
  }

  room(): Promise<void> | undefined {
    const bytes = this.#underwayBytes + this.#open.bytes + this.#open.columns.length * bytesPerRow
    if (bytes < this.#options.maxBytes) return undefined
    // What is open may be all there is: nobody else would send it on its way.
    this.#schedule()
    this.#room ??= Promise.withResolvers<void>()
    return this.#room.promise
  }

  refusal(): ErrorCode | undefined {
    if (this.#isClosed) return 'closed'
    const { state } = this.#log.status()
    if (state === 'disk-full') return 'disk-full'
    return state === 'read-only' ? 'log-read-only' : undefined
  }

  /** How much is known and waits: for /status and metrics. */
  get status(): {
    series: number
    openRows: number
    underwayBytes: number
    deadLetterBytes: number
    isLetterRefused: boolean
    /** A device of which no letter finds room. */
    fullDevice: string | undefined
    failedMessages: number
  } {
    const openRows = this.#open.columns.length
    return {
      series: this.#table.size,
      openRows,
      underwayBytes: this.#underwayBytes,
      deadLetterBytes: this.books.letterBytes,
      isLetterRefused: this.#isLetterRefused,
      fullDevice: this.#devices.full,
      failedMessages: this.#failedMessages,
    }
  }

  /** Commits what is open and waits for everything under way. Sources have stopped before. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#seal()
    await this.#last?.catch(() => {})
  }

  /** Seals at the end of this turn of the event loop, so that all sockets read in it share the commit. */
  #schedule(): void {
    if (this.#isScheduled || this.#underway >= maxUnderway) return
    this.#isScheduled = true
    const seal = () => {
      this.#isScheduled = false
      if (this.#underway < maxUnderway) this.#seal()
    }
    if (this.#options.lingerMs > 0) setTimeout(seal, this.#options.lingerMs)
    else setImmediate(seal)
  }

  /** `doom`: the commit is not given to the log, and is refused with this. */
  #seal(doom?: Error): void {
    const commit = this.#open
    if (commit.isEmpty && !this.#table.hasNew) return
    const { columns } = commit
    // Columns without rows stay here: edits come one to a commit.
    this.#open = new OpenCommit(columns.length > 0 ? this.#columns() : columns)
    const rows = columns.length
    const accepted = rows + commit.documentRows
    this.books.rowsReceived += accepted + commit.letters + commit.refusedRows
    this.books.rowsAccepted += accepted
    this.books.rowsDeadLettered += commit.letters
    this.books.rowsRefused += commit.refusedRows
    const names = this.#table.takeNew()
    const bytes = rows * bytesPerRow + commit.bytes
    this.#underway++
    this.#underwayBytes += bytes
    const done = () => {
      this.#underway--
      this.#underwayBytes -= bytes
      if (rows > 0) this.#giveBack(columns)
      if (!this.#open.isEmpty) this.#schedule()
      this.#makeRoom()
    }
    this.#last = commit.durable.promise
    const durable =
      doom === undefined
        ? this.#log.commit({
            names,
            readings: rows > 0 ? columns.readings() : undefined,
            edits: commit.edits,
            documents: commit.documents.size > 0 ? commit.newDocuments() : [],
            books: { ...this.books },
            usesReserve: commit.isNeeded,
          })
        : Promise.reject(doom)
    durable.then(
      (durable) => {
        commit.durable.resolve(durable)
        done()
      },
      (error: unknown) => {
        this.#undo(commit, accepted, names)
        // Whoever asks next has added nothing to the failed one, and wants to know how it stands by then.
        if (this.#last === commit.durable.promise) this.#last = undefined
        commit.durable.reject(error)
        // Who has asked for the open one may rest on this one too: `durable` speaks of everything added before.
        if (doom === undefined && this.#open.isAsked)
          this.#seal(error instanceof Error ? error : new SluiceError('internal', String(error)))
        done()
      },
    )
  }

  /** A failed commit was never acknowledged: what it had accepted is refused. */
  #undo(commit: OpenCommit, rows: number, names: readonly NewSeries[]): void {
    this.#table.giveBack(names)
    this.books.messagesAccepted -= commit.accepted
    this.books.messagesDeadLettered -= commit.deadLettered
    this.books.messagesRefused += commit.accepted + commit.deadLettered
    this.#failedMessages += commit.accepted + commit.deadLettered
    this.books.rowsAccepted -= rows
    this.books.rowsDeadLettered -= commit.letters
    this.books.letterBytes -= commit.letterBytes
    for (const [device, bytes] of commit.letterSizes()) this.#devices.remove(device, bytes)
    for (const [device, bytes] of commit.freed) if (device !== '') this.#devices.add(device, bytes)
    this.books.rowsRefused += rows + commit.letters
  }

  #makeRoom(): void {
    const room = this.#room
    if (!room) return
    this.#room = undefined
    const again = this.room()
    if (again === undefined) room.resolve()
    else again.then(room.resolve, room.reject)
  }

  #grow(): void {
    const { columns } = this.#open
    this.#open.columns = columns.grown()
    this.#giveBack(columns)
  }

  #columns(): Columns {
    const spare = this.#spare.pop()
    if (spare) return spare
    const isShared = this.#shared < maxShared
    if (isShared) this.#shared++
    return new Columns(this.#options.maxRows * 2, isShared)
  }

  /** Shared columns are used again; private ones have grown to some message's size. */
  #giveBack(columns: Columns): void {
    if (!columns.isShared) return
    columns.clear()
    this.#spare.push(columns)
  }
}
