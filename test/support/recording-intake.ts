import { isText } from '../../src/core/batch.ts'
import type { Durable } from '../../src/core/durable.ts'
import { type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import type { DeadLetter, DoorBooks, Intake, ValueKind } from '../../src/core/intake.ts'
import type { NewSeries, SeriesId } from '../../src/core/series.ts'

/** A row as it was added, with the names behind its series. */
export interface RecordedRow {
  readonly device: string
  readonly metric: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
  readonly flags: number
  extra?: string
}

export interface RecordingOptions {
  /** Receipt time in µs. */
  readonly now?: number
  /** At most this many series. */
  readonly series?: number
  /** Kinds that are declared, by `device metric`. */
  readonly declared?: Readonly<Record<string, ValueKind>>
}

/** An intake that keeps everything in plain arrays, for tests. It makes nothing durable and says so. */
export class RecordingIntake implements Intake {
  now: number
  readonly names: NewSeries[] = []
  readonly rows: RecordedRow[] = []
  readonly letters: DeadLetter[] = []
  readonly documents: { stream: string; key: string; time: number; body: Uint8Array }[] = []
  readonly edits: Parameters<Intake['addEdit']>[0][] = []
  readonly state = new Map<string, Uint8Array>()
  readonly books: DoorBooks = {
    messagesReceived: 0,
    messagesAccepted: 0,
    messagesRefused: 0,
    messagesDeadLettered: 0,
    rowsReceived: 0,
    rowsAccepted: 0,
    rowsRefused: 0,
    rowsDeadLettered: 0,
    letterBytes: 0,
  }
  /** Calls of `series`, to see what a cache saves. */
  seriesCalls = 0
  /** How many rows, documents and letters there were at each mark. */
  readonly #marks: (readonly [rows: number, documents: number, letters: number])[] = []
  readonly #options: RecordingOptions
  readonly #ids = new Map<string, SeriesId>()

  constructor(options: RecordingOptions = {}) {
    this.#options = options
    this.now = options.now ?? Date.UTC(2026, 0, 15) * 1000
  }

  tick(): void {}

  series(device: string, metric: string, kind: ValueKind, unit = ''): SeriesId {
    this.seriesCalls++
    if (device === '' || metric === '') throw new SluiceError('invalid-name', 'a name is empty')
    const declared = this.#options.declared?.[`${device} ${metric}`]
    if (declared !== undefined && declared !== kind)
      throw new SluiceError('wrong-kind', `${device} ${metric} is declared ${declared}`)
    const key = JSON.stringify([device, metric])
    const known = this.#ids.get(key)
    if (known !== undefined) {
      const name = this.names[known]
      if (unit !== '' && name?.unit === '') this.names[known] = { ...name, unit }
      return known
    }
    const id = this.names.length
    if (id >= (this.#options.series ?? Number.POSITIVE_INFINITY))
      throw new SluiceError('series-limit', `there are ${id} series already`)
    this.names.push({ id, device, metric, unit })
    this.#ids.set(key, id)
    return id
  }

  add(series: SeriesId, time: number, value: number, quality: number, flags: number): void {
    if (!Number.isInteger(time) || !Number.isFinite(value)) throw new Error(`no reading: ${time} ${value}`)
    this.rows.push({ ...this.#name(series), time, value, quality, flags })
  }

  addText(series: SeriesId, time: number, text: string, quality: number, flags: number): void {
    if (!Number.isInteger(time)) throw new Error(`no time: ${time}`)
    this.rows.push({ ...this.#name(series), time, value: text, quality, flags: flags | isText })
  }

  addExtra(json: string): void {
    const last = this.rows.at(-1)
    if (last === undefined) throw new Error('there is no row')
    last.extra = json
  }

  addDocument(stream: string, key: string, time: number, body: Uint8Array): void {
    this.documents.push({ stream, key, time, body: body.slice() })
  }

  set(key: string, value: Uint8Array | undefined): void {
    if (value?.length === 0) throw new TypeError(`the key ${key} was given an empty value`)
    if (value === undefined) this.state.delete(key)
    else this.state.set(key, value.slice())
  }

  addEdit(edit: Parameters<Intake['addEdit']>[0]): void {
    this.edits.push(edit)
  }

  mark(): number {
    return this.#marks.push([this.rows.length, this.documents.length, this.letters.length]) - 1
  }

  rollback(mark: number): void {
    const [rows, documents, letters] = this.#marks[mark] ?? [0, 0, 0]
    this.rows.length = rows
    this.documents.length = documents
    this.letters.length = letters
  }

  reject(letter: DeadLetter): void {
    this.letters.push({ ...letter, bytes: letter.bytes.slice() })
  }

  countMessage(outcome: 'accepted' | 'refused' | 'deadLettered'): void {
    this.books.messagesReceived++
    if (outcome === 'accepted') this.books.messagesAccepted++
    else if (outcome === 'refused') this.books.messagesRefused++
    else this.books.messagesDeadLettered++
  }

  countRefusedRows(rows: number): void {
    this.books.rowsReceived += rows
    this.books.rowsRefused += rows
  }

  durable(): Promise<Durable> {
    return Promise.reject(new SluiceError('closed', 'a recording intake makes nothing durable'))
  }

  room(): Promise<void> | undefined {
    return undefined
  }

  refusal(): ErrorCode | undefined {
    return undefined
  }

  #name(series: SeriesId): { device: string; metric: string } {
    const name = this.names[series]
    if (name === undefined) throw new Error(`no series ${series}`)
    return { device: name.device, metric: name.metric }
  }
}
