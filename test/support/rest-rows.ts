import assert from 'node:assert/strict'
import type { StoreQueries } from '../../src/api/rest/store-queries.ts'
import type { RestDoor } from './rest-door.ts'

/** What tests of the REST routes share: a stretch of time, names that trip, the shapes of answers, a store that can be made to fail. */

export const begin = 1_705_314_600_000_000 // 2024-01-15T10:30:00Z
export const beginMs = begin / 1000
export const hour = `from=${beginMs}&to=${beginMs + 3_600_000}`

export interface Row {
  readonly metric: string
  readonly time: number | string
  readonly value: number | string
  readonly quality: number
}
export interface Page {
  readonly device: string
  readonly rows: readonly Row[]
  readonly next?: string
}
export interface Refused {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly hint: string
    readonly details: readonly { readonly field: string; readonly message: string }[]
  }
}

export const names = [
  'plain',
  'a"b',
  'back\\slash',
  'ünï/cødé',
  '😀',
  '__proto__',
  'constructor',
  "';--",
  ' sp ace ',
  '%_*',
  '\u2028',
  'new\nline',
]

/** One page of readings. */
export async function page(door: RestDoor, query: string): Promise<Page> {
  const { status, body } = await door.get(`/api/v1/readings?${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as Page
}

/** Rows of one series, 10 ms apart. */
export function many(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    device: 'd',
    metric: 'm',
    time: begin + i * 10_000,
    value: i * 1.25,
  }))
}

/** The store with some of its answers replaced: faults that a sound store does not have. */
export function bind(store: StoreQueries, changed: Partial<StoreQueries>): StoreQueries {
  return {
    range: (...asked) => store.range(...asked),
    buckets: (...asked) => store.buckets(...asked),
    latest: (...asked) => store.latest(...asked),
    devices: (...asked) => store.devices(...asked),
    series: (...asked) => store.series(...asked),
    documents: (...asked) => store.documents(...asked),
    documentBytes: (...asked) => store.documentBytes(...asked),
    count: (...asked) => store.count(...asked),
    export: (...asked) => store.export(...asked),
    ...changed,
  }
}
