import type { Durable } from '../core/durable.ts'
import type { DeadLetter } from '../core/intake.ts'
import { keyedStreams } from '../core/keyed-state.ts'
import type { Changes, NewDocuments } from '../core/log.ts'
import { textColumn } from '../core/text-column.ts'
import type { Columns } from './columns.ts'

/** What is gathered while the commit before it syncs: readings as columns, everything rarer as lists. */
export class OpenCommit {
  columns: Columns
  readonly documents = new Map<string, { keys: string[]; times: number[]; bodies: Uint8Array[] }>()
  readonly edits: Changes['edits'][number][] = []
  readonly durable: PromiseWithResolvers<Durable> = Promise.withResolvers<Durable>()
  /** Bytes held beside the columns. */
  bytes = 0
  /** Messages and rows of this commit, to be counted as refused if it fails. */
  accepted = 0
  deadLettered = 0
  letters = 0
  discards = 0
  letterBytes = 0
  refusedRows = 0
  isCounted = false

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

  addDocument(stream: string, key: string, time: number, body: Uint8Array): void {
    let documents = this.documents.get(stream)
    if (!documents) {
      documents = { keys: [], times: [], bodies: [] }
      this.documents.set(stream, documents)
    }
    documents.keys.push(key)
    documents.times.push(time)
    // Not by slice(), which shares the memory of a Buffer.
    documents.bodies.push(new Uint8Array(body))
    this.bytes += body.length + key.length + 64
  }

  /** Documents that count as accepted rows: neither dead letters and their discards nor keyed values, which are ours. */
  get documentRows(): number {
    let rows = 0
    for (const { keys } of this.documents.values()) rows += keys.length
    for (const stream of keyedStreams) rows -= this.documents.get(stream)?.keys.length ?? 0
    return rows - this.letters - this.discards
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
export function letterBody(letter: DeadLetter): Uint8Array {
  const { bytes, ...rest } = letter
  return new TextEncoder().encode(JSON.stringify({ ...rest, bytes: Buffer.from(bytes).toString('base64') }))
}
