import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRoute } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { decodeInto } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { createJsonFormat } from './json-format.ts'
import { NameTable, recordStart, unlisted } from './name-table.ts'

const encoder = new TextEncoder()
const learn = (table: NameTable, name: string, previous: number) => {
  const bytes = encoder.encode(name)
  return table.learn(bytes, 0, bytes.length, previous)
}

test('a name has one number, and the one that followed it last is expected next', () => {
  const table = new NameTable()
  const a = learn(table, 'a', recordStart)
  const b = learn(table, 'b', a)
  assert.deepEqual([table.next[recordStart], table.next[a], table.next[b]], [a, b, 0])
  const c = learn(table, 'c', a)
  assert.equal(learn(table, 'b', c), b)
  assert.deepEqual([table.next[a], table.next[c]], [c, b])
})

test('a full table and a long name leave the name without a number, and what is there stays', () => {
  const table = new NameTable()
  assert.equal(learn(table, 'n'.repeat(65), recordStart), unlisted)
  const numbers = Array.from({ length: 4096 }, (_, i) => learn(table, `name ${i}`, recordStart))
  assert.equal(new Set(numbers).size, 4096)
  assert.ok(numbers.every((number) => number > 0))
  assert.equal(learn(table, 'one more', recordStart), unlisted)
  assert.equal(learn(table, 'name 7', unlisted), numbers[7])
})

test('records whose members change places, share beginnings or are new each time are read as the parser reads them', () => {
  const orders = [
    '{"temp":1,"temperature":2,"t":3}',
    '{"temperature":4,"temp":5,"t":6}',
    '{"t":7,"temp":8}',
    '{"temperatur":9,"temperature ":10}',
    '{"":11,"temp":12}',
    '{ "temp" : 13 , "temperature" : 14 }',
    '{"temp":15,"temp":16}',
    '{"temp":17,"temperature',
    '{"temp',
    ...Array.from({ length: 4200 }, (_, i) => `{"m${i}":${i},"temp":${i}}`),
    '{"temp":1,"temperature":2,"t":3}',
  ].flatMap((text) => [encoder.encode(text), encoder.encode(text)])
  const [scanned, parsed] = (['scan', 'parse'] as const).map((path) => {
    const format = createJsonFormat(defaultRecordLimits, path)
    const route = createRoute('uns/a', 'a', undefined)
    const intake = new RecordingIntake()
    const refusals = orders.map((bytes) => decodeInto(format, bytes, route, intake).refusals)
    return { rows: intake.rows, names: intake.names, refusals }
  })
  assert.deepEqual(scanned, parsed)
})
