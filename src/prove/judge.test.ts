import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type Fault, judge, type StoredRows, type Verdict } from './judge.ts'
import { Ledger } from './ledger.ts'
import { epochRecords, type Plan, placeOf, plannedRecord } from './plan.ts'

const plan: Plan = { seed: 42, devices: 3, metrics: 4 }

interface Row {
  device: string
  metric: string
  time: number
  value: number
  seq: bigint
}

test('a store that holds every acknowledged record once is clean', async () => {
  const { ledger, rows } = honestRun()
  const verdict = await judgeRows(ledger, rows)
  assert.deepEqual(verdict.examples, [])
  assert.ok(verdict.clean)
  assert.equal(verdict.rows, rows.length)
})

test('an unanswered record may be stored or not, and both are counted', async () => {
  const { ledger, rows } = honestRun()
  ledger.open(0, 0).sent(100)
  ledger.open(0, 0).sent(101)
  rows.push(rowOf(0, 0, 101, 9_000n))
  const verdict = await judgeRows(ledger, rows)
  assert.ok(verdict.clean)
  assert.equal(verdict.unknownStored, 1)
  assert.equal(verdict.unknownAbsent, 1)
})

test('an acknowledged record that is nowhere is lost', async () => {
  const { ledger, rows } = honestRun()
  rows.splice(17, 1)
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { lost: 1 })
})

test('an empty store has lost everything', async () => {
  const { ledger } = honestRun()
  assert.deepEqual(faultsOf(await judgeRows(ledger, [])), { lost: 300 })
})

test('a record that stands twice is a duplicate', async () => {
  const { ledger, rows } = honestRun()
  const copy = rows[40]
  assert.ok(copy)
  rows.push({ ...copy, seq: 5_000n })
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { duplicate: 1 })
})

test('a sink without identities may have twice what was sent twice, under two numbers', async () => {
  const { ledger, rows } = honestRun()
  const page = ledger.open(0, 0)
  const again = rowOf(0, 0, 5, 9_000n)
  const terms = { keepsRepeats: true }
  const inOrder = () => [...rows.sort((a, b) => Number(a.seq - b.seq)), again]
  assert.deepEqual(faultsOf(await judge(ledger, batches(inOrder()), terms)), { duplicate: 1 })
  page.sent(5)
  page.acked(5)
  const verdict = await judge(ledger, batches(inOrder()), terms)
  assert.deepEqual(faultsOf(verdict), {})
  assert.equal(verdict.repeated, 1)
  // A store knows what it has, and QoS 2 takes nothing twice.
  assert.deepEqual(faultsOf(await judgeRows(ledger, inOrder())), { duplicate: 1 })
  page.isOnce = true
  assert.deepEqual(faultsOf(await judge(ledger, batches(inOrder()), terms)), { duplicate: 1 })
})

test('a record that was refused when it came again may be stored: of the first nobody knows', async () => {
  const { ledger, rows } = honestRun()
  const page = ledger.open(1, 0)
  page.sent(100)
  page.sent(100)
  page.refused(100)
  rows.push(rowOf(1, 0, 100, 9_000n))
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), {})
})

for (const [name, change] of [
  ['a sequence number that was never sent', (row: Row) => ({ ...row, time: row.time + 400_000 })],
  ['an epoch that never was', (row: Row) => ({ ...row, time: row.time + epochRecords * 1000 })],
  ['a device that is none of the fleet', (row: Row) => ({ ...row, device: 'prove-3' })],
  ['a device of another spelling', (row: Row) => ({ ...row, device: 'prove-01' })],
  ['a metric that does not go with the time', (row: Row) => ({ ...row, metric: 'm3' })],
  ['a time between two records', (row: Row) => ({ ...row, time: row.time + 1 })],
  ['a time before the fleet', (row: Row) => ({ ...row, time: 4_000 })],
] as const) {
  test(`a row of ${name} is a phantom`, async () => {
    const { ledger, rows } = honestRun()
    rows.push(change(rowOf(0, 0, 0, 7_000n)))
    assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { phantom: 1 })
  })
}

test('a record that is stored though its sender was told no is reported', async () => {
  const { ledger, rows } = honestRun()
  ledger.open(1, 0).sent(100)
  ledger.open(1, 0).refused(100)
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), {})
  rows.push(rowOf(1, 0, 100, 9_000n))
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { refusedStored: 1 })
})

test('a value of another record, and a value off by its last bit, are corrupt', async () => {
  const { ledger, rows } = honestRun()
  const [first, second] = rows
  assert.ok(first && second)
  first.value = second.value
  second.value = nextDouble(second.value)
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { corrupt: 2 })
})

test('a value that is no number is corrupt', async () => {
  const { ledger, rows } = honestRun()
  const [first] = rows
  assert.ok(first)
  first.value = Number.NaN
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { corrupt: 1 })
})

test('two records of a client whose numbers changed places are reordered', async () => {
  const { ledger, rows } = honestRun()
  const [, , third, , , sixth] = rows.filter((row) => row.device === 'prove-1')
  assert.ok(third && sixth)
  ;[third.seq, sixth.seq] = [sixth.seq, third.seq]
  // Record 2 now stands at 5's place: 3, 4 and 5 come after a higher number.
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { reordered: 3 })
})

test('two records with one number are reordered', async () => {
  const { ledger, rows } = honestRun()
  const [first, second] = rows.filter((row) => row.device === 'prove-0')
  assert.ok(first && second)
  second.seq = first.seq
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { reordered: 1 })
})

test('clients may be mixed in any way, and rows may come in any order', async () => {
  const { ledger, rows } = honestRun()
  rows.sort((a, b) => a.value - b.value)
  assert.ok((await judgeRows(ledger, rows)).clean)
})

test('every fault has an example that names the record', async () => {
  const { ledger, rows } = honestRun()
  rows.splice(0, 1)
  const { examples } = await judgeRows(ledger, rows)
  assert.deepEqual(examples, ['lost: prove-0 epoch 0 record 0'])
})

test('a kept ledger gives the same verdict', async () => {
  const { ledger, rows } = honestRun()
  ledger.open(2, 5).sent(0)
  ledger.open(2, 5).sent(0)
  ledger.open(1, 0).sent(100)
  ledger.open(1, 0).refused(100)
  rows.splice(10, 3)
  const copy = Ledger.decode(ledger.encode())
  assert.deepEqual(copy.totals(), ledger.totals())
  assert.deepEqual(copy.totals(), { records: 302, acked: 300, refused: 1, unknown: 1, sends: 303 })
  assert.deepEqual(await judgeRows(copy, rows), await judgeRows(ledger, rows))
})

test('an answer to a record that is not on the wire is an error', () => {
  const page = new Ledger(plan).open(0, 0)
  assert.throws(() => page.acked(0), /answered while unsent/)
  page.sent(0)
  page.acked(0)
  assert.throws(() => page.acked(0), /answered while acked/)
})

test('a planned record leads back to its place, and its value survives JSON', () => {
  const place = fc.record(
    { device: fc.nat(2), epoch: fc.nat(1000), sequence: fc.nat(epochRecords - 1) },
    { noNullPrototype: true },
  )
  const values = new Set<number>()
  const identity = fc.constantFrom('time', 'number')
  fc.assert(
    fc.property(place, fc.integer(), identity, (at, seed, identity) => {
      const seeded: Plan = { ...plan, seed, identity }
      const record = plannedRecord(seeded, at)
      assert.deepEqual(placeOf(seeded, record.device, record.metric, record.time, record.value), at)
      assert.equal(JSON.parse(JSON.stringify(record.value)), record.value)
      values.add(record.value)
    }),
  )
  assert.ok(values.size > 90, 'values differ')
})

test('records without a time of their own are known by their value, and one that stands twice is a duplicate', async () => {
  const { ledger, rows } = honestRun({ ...plan, identity: 'number' })
  assert.ok((await judgeRows(ledger, rows)).clean)
  const [first, second, third] = rows
  assert.ok(first && second && third)
  rows.push({ ...first, time: first.time + 1_000_000, seq: 5_000n })
  second.value++
  assert.deepEqual(faultsOf(await judgeRows(ledger, rows)), { duplicate: 1, phantom: 1, lost: 1 })
})

/** Three devices, a hundred records each, interleaved as a log would. */
function honestRun(of = plan): { ledger: Ledger; rows: Row[] } {
  const ledger = new Ledger(of)
  const rows: Row[] = []
  for (let sequence = 0; sequence < 100; sequence++) {
    for (let device = 0; device < plan.devices; device++) {
      ledger.open(device, 0).sent(sequence)
      ledger.open(device, 0).acked(sequence)
      rows.push(rowOf(device, 0, sequence, BigInt(rows.length), of))
    }
  }
  return { ledger, rows }
}

function rowOf(device: number, epoch: number, sequence: number, seq: bigint, of = plan): Row {
  return { ...plannedRecord(of, { device, epoch, sequence }), seq }
}

function judgeRows(ledger: Ledger, rows: readonly Row[]): Promise<Verdict> {
  return judge(ledger, batches(rows))
}

async function* batches(rows: readonly Row[]): AsyncGenerator<StoredRows> {
  for (let from = 0; from < rows.length; from += 64) {
    const part = rows.slice(from, from + 64)
    yield await Promise.resolve({
      length: part.length,
      device: part.map((row) => row.device),
      metric: part.map((row) => row.metric),
      time: Float64Array.from(part, (row) => row.time),
      value: Float64Array.from(part, (row) => row.value),
      seq: BigInt64Array.from(part, (row) => row.seq),
    })
  }
}

function nextDouble(value: number): number {
  const bits = new BigInt64Array(Float64Array.of(value).buffer)
  return new Float64Array(BigInt64Array.of((bits[0] ?? 0n) + 1n).buffer)[0] ?? Number.NaN
}

function faultsOf(verdict: Verdict): Partial<Record<Fault, number>> {
  return Object.fromEntries(Object.entries(verdict.faults).filter(([, count]) => count > 0))
}
