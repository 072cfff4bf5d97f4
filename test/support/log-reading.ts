import { type Batch, type Edit, isText, numberAt } from '../../src/core/batch.ts'
import type { Delivery } from '../../src/core/log.ts'
import { textAt } from '../../src/core/text-column.ts'
import type { Storage } from '../../src/lib/storage.ts'
import type { Damage } from '../../src/log/embedded/group-walk.ts'
import { readStream, type Tail } from '../../src/log/embedded/reader.ts'
import type { Watermark } from '../../src/log/embedded/writer.ts'

export interface ReadRow {
  readonly number: number
  readonly device: string | undefined
  readonly series: number
  readonly time: number
  readonly value: number | string
  readonly quality: number
  readonly extra: string | undefined
}

export interface ReadDocument {
  readonly number: number
  readonly key: string
  readonly time: number
  readonly body: string
}

/** A delivery as plain values that stay when the next one is asked for. */
export interface Read {
  readonly from: number
  readonly to: number
  readonly running: number
  readonly damaged: number
  readonly expired: number
  readonly rows: readonly ReadRow[]
  readonly documents: readonly ReadDocument[]
  readonly edit: Edit | undefined
}

/** What is readable of a log: a writer, or anything that tells where the durable part ends. */
export interface Readable {
  readonly id: string
  readonly watermark: Watermark
}

export interface ReadOptions {
  readonly stream?: string
  readonly from?: number | undefined
  readonly taken?: number
  readonly maxRows?: number
  readonly onDamage?: (damage: Damage) => void
}

/** Everything of a stream up to the watermark. */
export async function readAll(
  storage: Storage,
  folder: string,
  log: Readable,
  { stream = 'readings', from, taken, maxRows = 1000, onDamage = () => {} }: ReadOptions = {},
): Promise<Read[]> {
  const atEnd = new AbortController()
  const tail: Tail = {
    watermark: () => log.watermark,
    beyond: () => {
      atEnd.abort()
      return Promise.resolve()
    },
  }
  const position = from === undefined ? undefined : { log: log.id, partition: 0, next: BigInt(from) }
  const place = { storage, folder, log: log.id, tail, onDamage }
  const all: Read[] = []
  for await (const d of readStream(
    place,
    stream,
    { from: position, taken, maxRows, lingerMs: 0 },
    () => {},
    atEnd.signal,
  )) {
    all.push(plain(d))
  }
  return all
}

export function rowsOf(all: readonly Read[]): ReadRow[] {
  return all.flatMap(({ rows }) => rows)
}

export function valuesOf(all: readonly Read[]): (number | string)[] {
  return all.flatMap(({ rows }) => rows.map(({ value }) => value))
}

export function damagedOf(all: readonly Read[]): number {
  return all.reduce((sum, { damaged }) => sum + damaged, 0)
}

export function plain({ batch, from, to, running, damaged, expired }: Delivery): Read {
  return {
    from: Number(from.next),
    to: Number(to.next),
    running,
    damaged,
    expired,
    rows: plainRows(batch),
    documents: plainDocuments(batch),
    edit: batch.kind === 'edit' ? batch : undefined,
  }
}

function plainRows(batch: Batch): ReadRow[] {
  if (batch.kind !== 'readings') return []
  return Array.from({ length: batch.length }, (_, i) => {
    const series = batch.series[i] ?? -1
    const value = batch.value[i] ?? Number.NaN
    const hasText = ((batch.flags[i] ?? 0) & isText) !== 0
    const extra = batch.extra && textAt(batch.extra, i)
    return {
      number: Number(numberAt(batch, i)),
      device: batch.names.get(series)?.device,
      series,
      time: batch.time[i] ?? Number.NaN,
      value: hasText && batch.text ? textAt(batch.text, i) : value,
      quality: batch.quality[i] ?? -1,
      extra: extra === '' ? undefined : extra,
    }
  })
}

function plainDocuments(batch: Batch): ReadDocument[] {
  if (batch.kind !== 'documents') return []
  return Array.from({ length: batch.length }, (_, i) => ({
    number: Number(numberAt(batch, i)),
    key: textAt(batch.key, i),
    time: batch.time[i] ?? Number.NaN,
    body: textAt(batch.body, i),
  }))
}
