import type { Batch, Documents, Edit } from '../../core/batch.ts'
import { sliceReadings } from '../../core/batch.ts'
import type { CopyPart } from '../../core/store.ts'
import { textColumn } from '../../core/text-column.ts'
import type { DocumentTables } from './documents.ts'
import type { Edits } from './edits.ts'
import type { Positions } from './positions.ts'
import type { QueryParts } from './range.ts'
import { readChunks } from './reading.ts'
import { scanReadings } from './scanning.ts'
import { exact, int, toBigint, toNumber, toText } from './sql.ts'

/** What copies of the store are read from. */
export interface CopiedParts extends QueryParts {
  readonly positions: Positions
  readonly edits: Edits
  readonly documents: DocumentTables
}

/** Rows of a batch at most: it crosses process borders, and the gateway's. */
const batchRows = 16_384
/** Bodies of a batch of documents, about; and documents. */
const batchBytes = 2 * 1024 * 1024
const batchDocuments = 2_048

interface Range {
  readonly from: bigint
  readonly until: bigint
}

/** Edits of all logs, then what each log has, older logs first. */
export async function copyParts(parts: CopiedParts, signal: AbortSignal): Promise<CopyPart[]> {
  const { positions, edits, documents } = parts
  const readings = await ranges(parts, () => parts.chunks.all, signal)
  const streams = await Promise.all(
    documents.all.map(async (table) => ({
      stream: table.stream,
      ranges: await ranges(parts, () => [table], signal),
    })),
  )
  const origins = [...positions.origins()].sort((a, b) => a - b)
  const found: CopyPart[] = []
  const add = (kind: CopyPart['kind'], origin: number, stream: string, range: Range | undefined) => {
    const place = positions.placeOf(origin)
    if (range !== undefined && place !== undefined) found.push({ kind, ...place, stream, ...range })
  }
  for (const origin of origins) {
    const own = edits.ofOrigin(origin)
    const [first, last] = [own[0], own.at(-1)]
    if (first && last) add('edits', origin, 'readings', { from: first.seq, until: last.seq + 1n })
  }
  for (const origin of origins) {
    add('readings', origin, 'readings', readings.get(origin))
    for (const { stream, ranges } of streams) add('documents', origin, stream, ranges.get(origin))
  }
  return found
}

export function scanPart(
  parts: CopiedParts,
  part: CopyPart,
  from: bigint,
  signal: AbortSignal,
): AsyncIterable<Batch> {
  const origin = parts.positions.origin({ log: part.log, partition: part.partition, next: from })
  if (part.kind === 'edits') return scanEdits(parts.edits, origin, from)
  if (part.kind === 'documents') return scanDocuments(parts, origin, part.stream, from, signal)
  return sliced(parts, origin, from, signal)
}

async function* sliced(
  parts: CopiedParts,
  origin: number,
  from: bigint,
  signal: AbortSignal,
): AsyncGenerator<Batch> {
  for await (const rows of scanReadings(parts, origin, from, signal))
    for (let i = 0; i < rows.length; i += batchRows)
      yield sliceReadings(rows, i, Math.min(rows.length, i + batchRows))
}

async function* scanEdits(edits: Edits, origin: number, from: bigint): AsyncGenerator<Edit> {
  for (const { seq, device, metric, from: begin, to, patch } of edits.ofOrigin(origin)) {
    if (seq < from) continue
    yield { kind: 'edit', length: 1, base: seq, row: undefined, device, metric, from: begin, to, patch }
  }
}

async function* scanDocuments(
  { readers, documents }: CopiedParts,
  origin: number,
  stream: string,
  from: bigint,
  signal: AbortSignal,
): AsyncGenerator<Documents> {
  const table = documents.get(stream)?.table
  if (table === undefined) return
  for (let next = from; ; ) {
    const where = `origin = ${int(origin)} AND seq >= ${int(next)}`
    const sizes = await readers.read(signal, (sql) =>
      sql.rows(
        `SELECT seq, strlen(body) FROM ${table} WHERE ${where} ORDER BY seq LIMIT ${int(batchDocuments)}`,
      ),
    )
    if (sizes.length === 0) return
    const until = endOfBatch(sizes.map(([seq, bytes]) => [toBigint(seq), toNumber(bytes)] as const))
    const rows = await readers.read(signal, (sql) =>
      sql.rows(
        `SELECT seq, ${exact('key')}, time, ${exact('body')} FROM ${table} WHERE ${where} AND seq < ${int(until)} ORDER BY seq`,
      ),
    )
    next = until
    const [first] = rows
    if (first === undefined) continue // discarded meanwhile
    const base = toBigint(first[0])
    yield {
      kind: 'documents',
      stream,
      length: rows.length,
      base,
      row: Uint32Array.from(rows, (row) => Number(toBigint(row[0]) - base)),
      time: Float64Array.from(rows, (row) => toNumber(row[2])),
      key: textColumn(rows.map((row) => toText(row[1]))),
      body: textColumn(rows.map((row) => toText(row[3]))),
    }
  }
}

/** A batch holds what fits of these numbers and sizes: its rows are counted from the first, in 32 bits. */
function endOfBatch(sizes: readonly (readonly [seq: bigint, bytes: number])[]): bigint {
  const first = sizes[0]?.[0] ?? 0n
  let end = first
  let sum = 0
  for (const [seq, bytes] of sizes) {
    if (seq > first && (sum >= batchBytes || seq - first >= 2n ** 32n)) break
    sum += bytes
    end = seq + 1n
  }
  return end
}

/** The numbers that tables hold, by origin. */
async function ranges(
  { readers }: CopiedParts,
  tables: () => readonly { readonly table: string }[],
  signal: AbortSignal,
): Promise<Map<number, Range>> {
  const rows = await readChunks(readers, signal, async (sql) => {
    const selects = tables().map(({ table }) => `SELECT origin, seq FROM ${table}`)
    if (selects.length === 0) return []
    return sql.rows(`SELECT origin, min(seq), max(seq) FROM (${selects.join(' UNION ALL ')}) GROUP BY origin`)
  })
  return new Map(
    rows.map((row) => [toNumber(row[0]), { from: toBigint(row[1]), until: toBigint(row[2]) + 1n }]),
  )
}
