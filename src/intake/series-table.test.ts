import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NewSeries } from '../core/series.ts'
import { type SeriesLimits, type SeriesRule, SeriesTable } from './series-table.ts'

const roomy: SeriesLimits = { series: 1000, seriesPerDevice: 100, nameBytes: 20 }
const empty = { names: [], series: 0 }

function tableWith(
  options: {
    limits?: Partial<SeriesLimits>
    rules?: SeriesRule[]
    strict?: boolean
    start?: { names: NewSeries[]; series: number }
  } = {},
) {
  const { limits, rules = [], strict = false, start = empty } = options
  return new SeriesTable(start, { ...roomy, ...limits }, rules, strict)
}

const rule = (metric: string, kind: SeriesRule['kind'], unit?: string): SeriesRule => ({
  matches: (_device, m) => m === metric,
  kind,
  unit,
})

test('ids are dense from 0, the same name has the same id, and a slash in a name makes no other', () => {
  const table = tableWith()
  assert.equal(table.get('a/b', 'c', 'number', undefined), 0)
  assert.equal(table.get('a', 'b/c', 'number', undefined), 1)
  assert.equal(table.get('a/b', 'c', 'text', undefined), 0)
  assert.equal(table.get('__proto__', 'constructor', 'number', undefined), 2)
  assert.equal(table.size, 3)
})

test('new names are taken once, and those given back are taken with the next', () => {
  const table = tableWith()
  table.get('d', 'a', 'number', 'K')
  table.get('d', 'b', 'number', undefined)
  const taken = table.takeNew()
  assert.deepEqual(taken, [
    { id: 0, device: 'd', metric: 'a', unit: 'K' },
    { id: 1, device: 'd', metric: 'b', unit: '' },
  ])
  assert.ok(!table.hasNew)
  assert.deepEqual(table.takeNew(), [])
  table.get('d', 'c', 'number', undefined)
  table.giveBack(taken)
  assert.ok(table.hasNew)
  assert.deepEqual(
    table.takeNew().map(({ id }) => id),
    [0, 1, 2],
  )
})

test('a unit that becomes known is a new name of the same id, and the first one stays', () => {
  const table = tableWith()
  table.get('d', 'a', 'number', undefined)
  table.takeNew()
  table.get('d', 'a', 'number', '')
  assert.ok(!table.hasNew)
  table.get('d', 'a', 'number', 'K')
  table.get('d', 'a', 'number', 'F')
  assert.deepEqual(table.takeNew(), [{ id: 0, device: 'd', metric: 'a', unit: 'K' }])
})

test('when two commits fail one after the other, the later unit is not lost', () => {
  const table = tableWith()
  table.get('d', 'a', 'number', undefined)
  const first = table.takeNew()
  table.get('d', 'a', 'number', 'K')
  const second = table.takeNew()
  table.giveBack(first)
  table.giveBack(second)
  assert.deepEqual(table.takeNew(), [{ id: 0, device: 'd', metric: 'a', unit: 'K' }])
})

test('a table goes on from the names of the log, and never gives an id whose name is lost', () => {
  const start = { names: [{ id: 1, device: 'd', metric: 'a', unit: '' }], series: 4 }
  const table = tableWith({ start })
  assert.equal(table.get('d', 'a', 'number', undefined), 1)
  assert.equal(table.get('d', 'b', 'number', undefined), 4)
  assert.deepEqual(table.takeNew(), [{ id: 4, device: 'd', metric: 'b', unit: '' }])
})

test('what cannot be a name is refused, and takes no id', () => {
  const table = tableWith()
  const wrong: [string, string, string?][] = [
    ['', 'm'],
    ['d', ''],
    ['d\0', 'm'],
    ['d', '\0'],
    ['d', 'm', '\0'],
    ['\ud800', 'm'],
    ['d', '\udfff'],
    ['d', 'm', '\ud800'],
    ['d'.repeat(21), 'm'],
    ['ä'.repeat(11), 'm'],
    ['d', 'm'.repeat(21)],
    ['d', 'm', 'x'.repeat(21)],
  ]
  for (const [device, metric, unit] of wrong) {
    assert.throws(() => table.get(device, metric, 'number', unit), { code: 'invalid-name' })
  }
  assert.equal(table.size, 0)
  assert.ok(!table.hasNew)
  assert.equal(table.get('ä'.repeat(10), '\u{10ffff}"\\\n', 'number', '%'), 0)
  table.get('d', 'm', 'number', undefined)
  table.takeNew()
  assert.throws(() => table.get('d', 'm', 'number', 'x'.repeat(70_000)), { code: 'invalid-name' })
  assert.ok(!table.hasNew)
})

test('series are limited in total and of one device, and those known go on', () => {
  const table = tableWith({ limits: { series: 3, seriesPerDevice: 2 } })
  table.get('a', '1', 'number', undefined)
  table.get('a', '2', 'number', undefined)
  assert.throws(() => table.get('a', '3', 'number', undefined), { code: 'series-limit', message: /a has 2/ })
  table.get('b', '1', 'number', undefined)
  assert.throws(() => table.get('c', '1', 'number', undefined), {
    code: 'series-limit',
    message: /there are 3/,
  })
  assert.equal(table.get('a', '2', 'number', undefined), 1)
})

test('a declared kind is held to, for known series too, and the declared unit is the default', () => {
  const table = tableWith({ rules: [rule('t', 'number', '°C'), rule('t', 'text'), rule('s', 'text')] })
  table.get('d', 't', 'number', undefined)
  assert.throws(() => table.get('d', 't', 'text', undefined), { code: 'wrong-kind' })
  assert.throws(() => table.get('d', 's', 'number', undefined), { code: 'wrong-kind' })
  table.get('e', 't', 'number', 'K')
  assert.deepEqual(
    table.takeNew().map(({ device, unit }) => [device, unit]),
    [
      ['d', '°C'],
      ['e', 'K'],
    ],
  )
})

test('when strict, only what is declared or known is taken', () => {
  const start = { names: [{ id: 0, device: 'd', metric: 'old', unit: '' }], series: 1 }
  const table = tableWith({ strict: true, rules: [rule('t', undefined)], start })
  assert.equal(table.get('d', 'old', 'number', undefined), 0)
  assert.equal(table.get('d', 't', 'text', undefined), 1)
  assert.throws(() => table.get('d', 'x', 'number', undefined), { code: 'unknown-metric' })
  assert.equal(table.size, 2)
})

test('whatever commits fail, every name reaches the log before it is used or with it', () => {
  const step = fc.oneof(
    fc.record({ metric: fc.constantFrom('a', 'b', 'c', 'd'), unit: fc.constantFrom('', 'K', 'F') }),
    fc.record({ isDurable: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const table = tableWith()
      const durable = new Map<number, NewSeries>()
      const units = new Map<string, string>()
      for (const each of steps) {
        if ('metric' in each) {
          table.get('dev', each.metric, 'number', each.unit)
          units.set(each.metric, units.get(each.metric) || each.unit)
        } else {
          const names = table.takeNew()
          if (each.isDurable) for (const name of names) durable.set(name.id, name)
          else table.giveBack(names)
        }
      }
      for (const name of table.takeNew()) durable.set(name.id, name)
      assert.deepEqual(new Map([...durable.values()].map(({ metric, unit }) => [metric, unit])), units)
    }),
  )
})
