import { type Batch, type Documents, isText, type Readings } from '../../../src/core/batch.ts'
import { bytesAt, textColumn } from '../../../src/core/text-column.ts'
import type { Poison } from './subject.ts'

const number = (value: number) => (batch: Readings, i: number) => ({
  ...batch,
  value: batch.value.with(i, value),
  flags: batch.flags.with(i, (batch.flags[i] ?? 0) & ~isText),
})
const time = (micros: number) => (batch: Readings, i: number) => ({
  ...batch,
  time: batch.time.with(i, micros),
})
const bytes = (column: 'text' | 'extra', spoilt: Uint8Array) => (batch: Readings, i: number) => {
  const whole = batch[column] ?? textColumn([])
  const parts = Array.from({ length: batch.length }, (_, at) => (at === i ? spoilt : bytesAt(whole, at)))
  return { ...batch, [column]: textColumn(parts) }
}

const kinds: readonly (readonly [string, string, (batch: Readings, i: number) => Batch])[] = [
  ['a value that is no number', 'invalid-value', number(Number.NaN)],
  ['an endless value', 'invalid-value', number(Number.POSITIVE_INFINITY)],
  ['an endless value below zero', 'invalid-value', number(Number.NEGATIVE_INFINITY)],
  ['a time that is no number', 'invalid-time', time(Number.NaN)],
  ['an endless time', 'invalid-time', time(Number.POSITIVE_INFINITY)],
  ['the beginning of time', 'invalid-time', time(Number.NEGATIVE_INFINITY)],
  ['a time of 2^53 + 2', 'invalid-time', time(2 ** 53 + 2)],
  ['a time of -2^60', 'invalid-time', time(-(2 ** 60))],
  ['a text that is no UTF-8', 'invalid-value', bytes('text', Uint8Array.of(0x61, 0xff, 0xfe))],
  ['a text cut within a character', 'invalid-value', bytes('text', Uint8Array.of(0xf0, 0x9f, 0x9a))],
  ['half a surrogate pair', 'invalid-value', bytes('text', Uint8Array.of(0xed, 0xa0, 0x80))],
  ['a character in more bytes than it takes', 'invalid-value', bytes('text', Uint8Array.of(0xc0, 0x80))],
  ['an extra that is no UTF-8', 'invalid-value', bytes('extra', Uint8Array.of(0x7b, 0xff, 0x7d))],
  [
    'a series that nobody has named',
    'row-refused',
    (batch, i) => ({ ...batch, series: batch.series.with(i, 4_000_000_000) }),
  ],
]

/** Readings that no sink may take: PostgreSQL could not, and JSON has no word for them. */
export const poisonReadings: readonly Poison[] = kinds.map(([what, code, spoil]) => ({
  what,
  code,
  spoil: (batch, i) => (batch.kind === 'readings' ? spoil(batch, i) : batch),
}))

const part =
  (column: 'key' | 'body', spoilt: Uint8Array) =>
  (batch: Documents, i: number): Batch => {
    const parts = Array.from({ length: batch.length }, (_, at) =>
      at === i ? spoilt : bytesAt(batch[column], at),
    )
    return { ...batch, [column]: textColumn(parts) }
  }
const documentTime =
  (micros: number) =>
  (batch: Documents, i: number): Batch => ({ ...batch, time: batch.time.with(i, micros) })

const documentKinds: readonly (readonly [string, string, (batch: Documents, i: number) => Batch])[] = [
  ['a key that is no UTF-8', 'invalid-value', part('key', Uint8Array.of(0x61, 0xff, 0xfe))],
  ['a body that is no UTF-8', 'invalid-value', part('body', Uint8Array.of(0x22, 0xc3, 0x28, 0x22))],
  ['half a surrogate pair', 'invalid-value', part('body', Uint8Array.of(0xed, 0xa0, 0x80))],
  ['a time that is no number', 'invalid-time', documentTime(Number.NaN)],
  ['an endless time', 'invalid-time', documentTime(Number.POSITIVE_INFINITY)],
  ['a time of 2^60', 'invalid-time', documentTime(2 ** 60)],
]

/** Documents that no sink of texts may take. */
export const poisonDocuments: readonly Poison[] = documentKinds.map(([what, code, spoil]) => ({
  what,
  code,
  spoil: (batch, i) => (batch.kind === 'documents' ? spoil(batch, i) : batch),
}))
