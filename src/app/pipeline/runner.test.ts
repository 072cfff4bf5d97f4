import { systemClock } from '../../lib/clock.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExamOrders, ExamSink } from '../../../test/support/exam-sink.ts'
import type { Readings } from '../../core/batch.ts'
import type { DeadLetter } from '../../core/intake.ts'
import type { Delivery } from '../../core/log.ts'
import type { Processor } from '../../core/processor.ts'
import { SinkFailure, type SinkWrite } from '../../core/sink.ts'
import { type PipelineParts, type PipelineStatus, runPipeline } from './runner.ts'

const log = '00000000-0000-4000-8000-000000000000'
const at = (next: number) => ({ log, partition: 0, next: BigInt(next) })

/** Row i has number i and value i, in batches of `size`. */
function batchOf(from: number, to: number): Readings {
  const n = to - from
  const values = Float64Array.from({ length: n }, (_, i) => from + i)
  return {
    kind: 'readings',
    length: n,
    base: BigInt(from),
    row: undefined,
    series: new Uint32Array(n),
    time: values,
    value: values,
    quality: new Uint8Array(n).fill(192),
    flags: new Uint8Array(n),
    text: undefined,
    extra: undefined,
    names: { size: 1, version: 0, get: () => ({ device: 'd', metric: 'm', unit: '' }) },
  }
}

/** Runs a pipeline over `rows` rows until the sink has passed them all. */
async function run(
  sink: ExamSink,
  rows: number,
  options: {
    size?: number
    processors?: Processor[]
    until?: (status: PipelineStatus) => boolean
    admit?: PipelineParts['admit']
    /** The first so many rows of each batch are lost: one of them expired, the others damaged. */
    lost?: number
  } = {},
) {
  const { size = 16, processors = [], lost = 0 } = options
  const stop = new AbortController()
  const letters: DeadLetter[] = []
  const statuses: PipelineStatus[] = []
  let acked = 0n
  const until = options.until ?? ((status: PipelineStatus) => status.position?.next === BigInt(rows))
  await runPipeline(
    {
      name: 'exam',
      log,
      stream: 'readings',
      admit: options.admit ?? (async () => {}),
      async *consume({ from }, signal): AsyncGenerator<Delivery> {
        for (let next = Number(from?.next ?? 0); next < rows && !signal.aborted; ) {
          const start = lost > 0 ? next - (next % size) : next
          const to = Math.min(rows, start + size)
          const isTold = lost > 0 && next === start
          const ack = () => {
            acked = BigInt(to)
          }
          yield {
            batch: batchOf(Math.max(next, start + lost), to),
            from: at(next),
            to: at(to),
            running: next,
            damaged: isTold ? lost - 1 : 0,
            expired: isTold ? 1 : 0,
            ack,
          }
          next = to
        }
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      processors,
      sink,
      letters: {
        put(all) {
          letters.push(...all)
          return Promise.resolve()
        },
      },
      clock: systemClock,
      maxRows: size,
      lingerMs: 0,
      onStatus(status) {
        statuses.push(status)
        if (until(status)) stop.abort()
      },
    },
    stop.signal,
  )
  return { letters, statuses, acked, last: statuses.at(-1) as PipelineStatus }
}

const everyRow = (rows: number, except: number[] = []) =>
  Array.from({ length: rows }, (_, i) => i).filter((i) => !except.includes(i))

test('every row reaches the sink once and in order, and the books balance', async () => {
  const sink = new ExamSink()
  const { acked } = await run(sink, 100)
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(100),
  )
  assert.equal(acked, 100n)
  assert.equal(sink.books.handed, 100)
  assert.equal(sink.books.stored, 100)
})

test('rows that the sink names become dead letters, and their neighbours are stored', async () => {
  const sink = new ExamSink({ refuse: new Set([0, 17, 18, 99]) })
  const { letters } = await run(sink, 100)
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(100, [0, 17, 18, 99]),
  )
  assert.deepEqual(
    letters.map((letter) => letter.key),
    [0, 17, 18, 99].map((n) => `exam/${log}/${n}`),
  )
  assert.equal(sink.books.handed, 100)
  assert.equal(sink.books.stored, 96)
  assert.equal(sink.books.deadLettered, 4)
})

test('a bad row that the sink cannot name is found by halving', async () => {
  const sink = new ExamSink({ choke: new Set([5, 40, 41]) })
  const { letters } = await run(sink, 64)
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(64, [5, 40, 41]),
  )
  assert.equal(letters.length, 3)
  assert.deepEqual([sink.books.handed, sink.books.stored, sink.books.deadLettered], [64, 61, 3])
})

test('a sink that refuses every row is down, and nothing becomes a dead letter', async () => {
  const sink = new ExamSink({ refuse: new Set(everyRow(64)) })
  const { letters, last } = await run(sink, 64, { until: (status) => status.retries > 1 })
  assert.equal(letters.length, 0)
  assert.equal(sink.rows.length, 0)
  assert.match(last.error ?? '', /every row was refused/)
})

test('a write whose answer was cut is neither repeated nor skipped', async () => {
  const cut = new Set([2, 4])
  const sink = new ExamSink({
    after: (_write, attempt) => {
      if (cut.has(attempt)) throw new SinkFailure('retry', 'store-down', 'the connection was cut')
    },
  })
  const { last } = await run(sink, 100)
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(100),
  )
  assert.equal(sink.books.handed, 100)
  assert.deepEqual(last.books, sink.books)
})

test('a sink that is away is tried again until it is back', async () => {
  const sink = new ExamSink({
    before: (_write, attempt) => {
      if (attempt <= 3) throw new SinkFailure('retry', 'store-down', 'away')
    },
  })
  const { last } = await run(sink, 32)
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(32),
  )
  assert.equal(last.retries, 3)
})

/** Drops every row with an even value. */
const odd: Processor = {
  name: 'odd',
  process(batch) {
    const kept = everyRow(batch.length).filter((i) => (batch.value[i] ?? 0) % 2 === 1)
    const pick = (column: Float64Array) => Float64Array.from(kept, (i) => column[i] ?? 0)
    return {
      ...batch,
      length: kept.length,
      row: Uint32Array.from(kept),
      value: pick(batch.value),
      time: pick(batch.time),
    }
  },
}

test('rows that a processor drops are counted as filtered, also beside refused ones', async () => {
  const sink = new ExamSink({ refuse: new Set([7]) })
  const { letters } = await run(sink, 64, { processors: [odd] })
  assert.deepEqual(
    sink.rows.map((row) => row.value),
    everyRow(64).filter((i) => i % 2 === 1 && i !== 7),
  )
  assert.equal(letters.length, 1)
  const { handed, stored, filtered, deadLettered } = sink.books
  assert.deepEqual(
    { handed, stored, filtered, deadLettered },
    { handed: 64, stored: 31, filtered: 32, deadLettered: 1 },
  )
})

test('a row that a processor drops is counted once, though the batch is cut in two and its second half tried again', async () => {
  let isCut = false
  const sink = new ExamSink({
    choke: new Set([13]),
    before({ from }) {
      if (from.next === 0n || isCut) return
      isCut = true
      throw new SinkFailure('retry', 'store-down', 'the connection was cut')
    },
  })
  await run(sink, 16, { processors: [odd] })
  const { handed, stored, filtered, deadLettered } = sink.books
  assert.deepEqual(
    { handed, stored, filtered, deadLettered },
    { handed: 16, stored: 7, filtered: 8, deadLettered: 1 },
  )
})

for (const [how, refusing] of [
  ['halved', 'choke'],
  ['written around the rows that the sink names', 'refuse'],
] as const)
  for (const [which, processors] of [
    ['', []],
    [' and a processor drops rows', [odd]],
  ] as const)
    test(`rows that the log has lost are counted once where a batch is ${how}${which}, whichever write of it fails`, async () => {
      const bad = new Set([3, 25, 27, 47, 51, 63])
      const good = everyRow(64, [...bad]).filter((i) => i % 16 >= 3 && (which === '' || i % 2 === 1))
      const balanced = {
        ...{ handed: 64, stored: good.length, repeated: 0, overwritten: 0, damaged: 8, expired: 4 },
        ...{ filtered: 64 - 12 - bad.size - good.length, deadLettered: bad.size },
      }
      const runWith = async (orders: ExamOrders) => {
        const sink = new ExamSink({ [refusing]: bad, ...orders })
        const { last } = await run(sink, 64, { lost: 3, processors: [...processors] })
        assert.deepEqual(sink.books, balanced)
        assert.deepEqual(last.books, balanced)
        assert.deepEqual(
          sink.rows.map(({ value }) => value),
          good,
        )
        return sink.attempts
      }
      const failure = new SinkFailure('retry', 'store-down', 'the connection was cut')
      const failAt = (at: number) => (_write: SinkWrite, attempt: number) => {
        if (attempt === at) throw failure
      }
      const attempts = await runWith({})
      const every = Array.from({ length: attempts }, (_, i) => i + 1)
      await Promise.all(
        every.flatMap((at) => [runWith({ before: failAt(at) }), runWith({ after: failAt(at) })]),
      )
    })

test('nothing is read before the log has looked at where the sink stands, and refusals of it are tried again', async () => {
  const sink = new ExamSink()
  await run(sink, 32)
  const asked: (bigint | undefined)[] = []
  const { last } = await run(sink, 64, {
    async admit(position) {
      asked.push(position?.next)
      if (asked.length === 1) throw new Error('not yet')
    },
  })
  assert.deepEqual(asked, [32n, 32n])
  assert.equal(last.retries, 1)
})

test('a sink whose writes fail is not called well because it can be asked where it stands; failures in a row are counted', async () => {
  const sink = new ExamSink({
    before: (_write, attempt) => {
      if (attempt <= 3) throw new SinkFailure('retry', 'busy', 'not now')
    },
  })
  const { statuses } = await run(sink, 16)
  const seen = statuses.map(({ state, failures, error }) => `${state} ${failures} ${error ?? ''}`.trimEnd())
  assert.deepEqual(
    seen.filter((status, i) => status !== seen[i - 1]),
    ['running 0', 'retrying 1 not now', 'retrying 2 not now', 'retrying 3 not now', 'running 0', 'stopped 0'],
  )
})

test('a sink that could not be opened is well as soon as it can be, without a row to write', async () => {
  const sink = new ExamSink()
  let asked = 0
  const { last } = await run(sink, 0, {
    admit: async () => {
      if (++asked < 3) throw new Error('not yet')
    },
    until: ({ state }) => state === 'running',
  })
  assert.deepEqual([last.retries, last.failures, last.error], [2, 0, undefined])
})
