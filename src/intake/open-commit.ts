import type { Durable } from '../core/durable.ts'
import type { DeadLetter } from '../core/intake.ts'
import { keyedStreams } from '../core/keyed-state.ts'
import { letterReplaysStream } from '../core/letter-replay.ts'
import type { Changes, NewDocuments } from '../core/log.ts'
import { textColumn } from '../core/text-column.ts'
import type { Columns } from './columns.ts'

export const lettersStream = 'dead-letters'
/** Streams of what no sender has sent. */
const ours = [...keyedStreams, letterReplaysStream, lettersStream]

interface OpenDocuments {
  readonly keys: string[]
  readonly times: number[]
  readonly bodies: (Uint8Array | string)[]
  /** Bytes of the bodies. */
  readonly sizes: number[]
  /** How much had been added to the commit before each. */
  readonly places: number[]
}

/** What is gathered while the commit before it syncs: readings as columns, everything rarer as lists. */
export class OpenCommit {
  columns: Columns
  readonly documents = new Map<string, OpenDocuments>()
  #documents = 0
  /** Of the documents of the dead letters, in their order; '' is none. */
  readonly #letterDevices: string[] = []
  readonly edits: Changes['edits'][number][] = []
  readonly durable: PromiseWithResolvers<Durable> = Promise.withResolvers<Durable>()
  /** Bytes held beside the columns. */
  bytes = 0
  /** Messages and rows of this commit, to be counted as refused if it fails. */
  accepted = 0
  deadLettered = 0
  /** Dead letters of doors. */
  letters = 0
  letterBytes = 0
  refusedRows = 0
  isCounted = false
  /** Somebody waits for it to be durable. */
  isAsked = false
  /** A sink waits for it to move on, or the log to shrink. */
  isNeeded = false

  constructor(columns: Columns) {
    this.columns = columns
    // Whoever asked for it hears of a failure; without anybody it must not end the process.
    this.durable.promise.catch(() => {})
  }

  get isEmpty(): boolean {
    return (
      this.columns.length === 0 && this.documents.size === 0 && this.edits.length === 0 && !this.isCounted
    )
  }

  /** Rows and documents, counted together: a number of them is a place among both. */
  get length(): number {
    return this.columns.length + this.#documents
  }

  /** A document of the dead letters: a letter, of a device if it names one, or a record that took some away. */
  addLetter(key: string, device: string, time: number, body: string, size: number): void {
    this.#letterDevices.push(device)
    this.letterBytes += size
    this.#add(lettersStream, key, time, body, size)
  }

  addDocument(stream: string, key: string, time: number, body: Uint8Array): void {
    // Not by slice(), which shares the memory of a Buffer.
    this.#add(stream, key, time, new Uint8Array(body), body.length)
  }

  #add(stream: string, key: string, time: number, body: Uint8Array | string, size: number): void {
    let documents = this.documents.get(stream)
    if (!documents) {
      documents = { keys: [], times: [], bodies: [], sizes: [], places: [] }
      this.documents.set(stream, documents)
    }
    documents.places.push(this.length)
    this.#documents++
    documents.keys.push(key)
    documents.times.push(time)
    documents.bodies.push(body)
    documents.sizes.push(size)
    this.bytes += size + key.length + 64
  }

  /** Letters that were taken away: their devices and bytes. */
  readonly freed: (readonly [device: string, bytes: number])[] = []

  /** Takes back what was added since `length` was this. Returns the dead letters among it. */
  rollback(length: number): (readonly [device: string, bytes: number])[] {
    const letters: (readonly [string, number])[] = []
    for (const [stream, { keys, times, bodies, sizes, places }] of this.documents) {
      while ((places.at(-1) ?? -1) >= length) {
        places.pop()
        times.pop()
        bodies.pop()
        const size = sizes.pop() ?? 0
        const key = keys.pop() ?? ''
        this.bytes -= size + key.length + 64
        this.#documents--
        if (stream !== lettersStream) continue
        this.letters--
        this.letterBytes -= size
        letters.push([this.#letterDevices.pop() ?? '', size])
      }
      if (places.length === 0) this.documents.delete(stream)
    }
    this.columns.rollback(length - this.#documents)
    return letters
  }

  /** Devices and bytes of the dead letters in it, and of records that took some away, whose device is ''. */
  *letterSizes(): Generator<readonly [device: string, bytes: number]> {
    const { sizes = [] } = this.documents.get(lettersStream) ?? {}
    for (const [i, device] of this.#letterDevices.entries()) yield [device, sizes[i] ?? 0]
  }

  /** Documents that count as accepted rows: neither dead letters, their discards and replays nor keyed values, which are ours. */
  get documentRows(): number {
    let rows = 0
    for (const { keys } of this.documents.values()) rows += keys.length
    for (const stream of ours) rows -= this.documents.get(stream)?.keys.length ?? 0
    return rows
  }

  newDocuments(): NewDocuments[] {
    const all: NewDocuments[] = []
    for (const [stream, { keys, times, bodies }] of this.documents) {
      all.push({
        stream,
        length: keys.length,
        time: Float64Array.from(times),
        key: textColumn(keys),
        body: textColumn(bodies),
      })
    }
    return all
  }
}

/** A dead letter as it is kept: a JSON document in the stream `dead-letters`. */
export function letterBody(letter: DeadLetter): string {
  const { code, reason, source, device, topic, offset, format, principal, key } = letter
  const { buffer, byteOffset, byteLength } = letter.bytes
  const bytes = Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  // Each by its name: copies of objects of many shapes cost more than all the rest.
  return JSON.stringify({ code, reason, source, device, topic, offset, format, principal, key, bytes })
}
