import type { DoorBooks } from '../../src/core/intake.ts'
import type { Changes, NewDocuments, NewReadings } from '../../src/core/log.ts'
import type { NewSeries } from '../../src/core/series.ts'
import { textColumn } from '../../src/core/text-column.ts'

/** Books that only count accepted rows. */
export function booksOf(rowsAccepted: number): DoorBooks {
  return {
    messagesReceived: 0,
    messagesAccepted: 0,
    messagesRefused: 0,
    messagesDeadLettered: 0,
    rowsReceived: rowsAccepted,
    rowsAccepted,
    rowsRefused: 0,
    rowsDeadLettered: 0,
    letterBytes: 0,
  }
}

/** A commit of the parts given and nothing else. */
export function changesOf(parts: Partial<Changes>): Changes {
  return {
    names: [],
    readings: undefined,
    edits: [],
    documents: [],
    books: booksOf(0),
    ...parts,
  }
}

export interface PlainRow {
  readonly series: number
  readonly value: number
  readonly time?: number
  readonly quality?: number
  readonly flags?: number
  readonly text?: string | undefined
  readonly extra?: string | undefined
}

export function readingsOf(rows: readonly PlainRow[]): NewReadings {
  const lazy = (texts: readonly (string | undefined)[]) =>
    texts.some((text) => text !== undefined) ? textColumn(texts.map((text) => text ?? '')) : undefined
  return {
    length: rows.length,
    series: Uint32Array.from(rows, (row) => row.series),
    time: Float64Array.from(rows, (row) => row.time ?? row.value),
    value: Float64Array.from(rows, (row) => row.value),
    quality: Uint8Array.from(rows, (row) => row.quality ?? 192),
    flags: Uint8Array.from(rows, (row) => row.flags ?? 0),
    text: lazy(rows.map((row) => row.text)),
    extra: lazy(rows.map((row) => row.extra)),
  }
}

/** `n` readings of series 0 with the values `from`, `from + 1`, … */
export function countingReadings(from: number, n: number): NewReadings {
  const value = new Float64Array(n)
  for (let i = 0; i < n; i++) value[i] = from + i
  return {
    length: n,
    series: new Uint32Array(n),
    time: value,
    value,
    quality: new Uint8Array(n).fill(192),
    flags: new Uint8Array(n),
    text: undefined,
    extra: undefined,
  }
}

export interface PlainDocument {
  readonly key: string
  readonly body: string
  readonly time?: number
}

export function documentsOf(stream: string, documents: readonly PlainDocument[]): NewDocuments {
  return {
    stream,
    length: documents.length,
    time: Float64Array.from(documents, ({ time }) => time ?? 0),
    key: textColumn(documents.map(({ key }) => key)),
    body: textColumn(documents.map(({ body }) => body)),
  }
}

export function nameOf(id: number, unit = ''): NewSeries {
  return { id, device: `device ${id}`, metric: `metric ${id}`, unit }
}
