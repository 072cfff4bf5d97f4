import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import {
  type Batch,
  byNumber,
  type Documents,
  type Edit,
  isText,
  type Readings,
} from '../../src/core/batch.ts'
import type { SeriesName, SeriesNames } from '../../src/core/series.ts'
import type { Sink, SinkWrite, Written } from '../../src/core/sink.ts'
import { textColumn } from '../../src/core/text-column.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { type DuckdbOptions, DuckdbStore } from '../../src/stores/duckdb/store.ts'

/** What tests of the store share: rows as objects, a log that numbers them, and stores in folders that go away. */

export interface Row {
  readonly device: string
  readonly metric: string
  readonly time: number
  readonly value: number | string
  readonly quality?: number
  readonly extra?: string
  readonly byNumber?: boolean
}

export const never = new AbortController().signal

/** A log without a disk: gives numbers, makes batches and the writes that carry them. */
export class PaperLog {
  readonly id: string
  readonly partition: number
  next: bigint
  readonly names: SeriesNames
  readonly #known: { readonly names: SeriesName[]; version: number }

  /** `of`: the same log, read again or in another partition. */
  constructor(options: { of?: PaperLog; id?: string; partition?: number; next?: bigint } = {}) {
    this.id = options.id ?? options.of?.id ?? randomUUID()
    const known = options.of === undefined ? { names: [], version: 0 } : options.of.#known
    this.#known = known
    this.names = {
      get: (id) => known.names[id],
      get size() {
        return known.names.length
      },
      get version() {
        return known.version
      },
    }
    this.partition = options.partition ?? 0
    this.next = options.next ?? 0n
  }

  /** A unit that is told for a known series changes its name. */
  seriesId(device: string, metric: string, unit = ''): number {
    const { names } = this.#known
    const id = names.findIndex((name) => name.device === device && name.metric === metric)
    if (id < 0) return names.push({ device, metric, unit }) - 1
    if (unit !== '' && names[id]?.unit !== unit) {
      names[id] = { device, metric, unit }
      this.#known.version++
    }
    return id
  }

  readings(rows: readonly Row[], base = this.next): Readings {
    const text = rows.some((row) => typeof row.value === 'string')
    const extra = rows.some((row) => row.extra !== undefined)
    return {
      kind: 'readings',
      length: rows.length,
      base,
      row: undefined,
      series: Uint32Array.from(rows, (row) => this.seriesId(row.device, row.metric)),
      time: Float64Array.from(rows, (row) => row.time),
      value: Float64Array.from(rows, (row) => (typeof row.value === 'number' ? row.value : Number.NaN)),
      quality: Uint8Array.from(rows, (row) => row.quality ?? 192),
      flags: Uint8Array.from(
        rows,
        (row) => (row.byNumber ? byNumber : 0) | (typeof row.value === 'string' ? isText : 0),
      ),
      text: text
        ? textColumn(rows.map((row) => (typeof row.value === 'string' ? row.value : '')))
        : undefined,
      extra: extra ? textColumn(rows.map((row) => row.extra ?? '')) : undefined,
      names: this.names,
    }
  }

  documents(
    stream: string,
    rows: readonly { key: string; time: number; body: string }[],
    base = this.next,
  ): Documents {
    return {
      kind: 'documents',
      stream,
      length: rows.length,
      base,
      row: undefined,
      time: Float64Array.from(rows, (row) => row.time),
      key: textColumn(rows.map((row) => row.key)),
      body: textColumn(rows.map((row) => row.body)),
    }
  }

  edit(edit: Pick<Edit, 'device' | 'metric' | 'from' | 'to' | 'patch'>, base = this.next): Edit {
    return { kind: 'edit', length: 1, base, row: undefined, ...edit }
  }

  /** The write of a batch at the end of the log: the position moves from `next` to behind the batch. */
  write(batch: Batch): SinkWrite {
    const from = { log: this.id, partition: this.partition, next: this.next }
    this.next = batch.base + BigInt(batch.length)
    const handed = batch.kind === 'edit' ? 0 : batch.length
    return { batch, from, to: { ...from, next: this.next }, terms: { ...noTerms, handed } }
  }

  put(sink: Sink, rows: readonly Row[]): Promise<Written> {
    return sink.write(this.write(this.readings(rows)), never)
  }
}

export const noTerms = { handed: 0, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }

/** A folder that is removed after the test. */
export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-duckdb-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function openStore(
  t: TestContext,
  file = path.join(temporaryFolder(t), 'store.duckdb'),
  options: Partial<DuckdbOptions> = {},
): Promise<DuckdbStore> {
  const store = await DuckdbStore.open({
    memoryLimitMb: 128,
    threads: 1,
    clock: systemClock,
    retention: { readings: [], documents: [] },
    chunkRows: 12_000_000,
    ...options,
    file,
  })
  t.after(() => store.close())
  return store
}

/** Every row of a device, as objects. */
export async function rowsOf(store: DuckdbStore, device: string, metric?: string) {
  const rows: { metric: string; time: number; value: number | string; quality: number; seq: bigint }[] = []
  const query = {
    device,
    metric,
    from: -Infinity,
    to: Infinity,
    limit: 1e6,
    after: undefined,
    order: 'ascending' as const,
  }
  for await (const page of store.range(query, never)) {
    for (let i = 0; i < page.length; i++) {
      rows.push({
        metric: page.metric[i] ?? '',
        time: page.time[i] ?? 0,
        value: page.text?.[i] ?? page.value[i] ?? 0,
        quality: page.quality[i] ?? 0,
        seq: page.seq[i] ?? 0n,
      })
    }
  }
  return rows
}
