import assert from 'node:assert/strict'
import { type PipelineStatus, runPipeline } from '../../../src/app/pipeline/runner.ts'
import type { DeadLetter } from '../../../src/core/intake.ts'
import type { Delivery } from '../../../src/core/log.ts'
import { type Sink, SinkFailure } from '../../../src/core/sink.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { OpeningSink } from '../../../src/sinks/opening-sink.ts'
import { PaperLog, type Row } from '../../support/duckdb-store.ts'
import { Examined } from './examined.ts'
import type { Question } from './exam.ts'
import type { Poison } from './subject.ts'

interface Fed {
  readonly letters: readonly DeadLetter[]
  readonly statuses: readonly PipelineStatus[]
}

/** Feeds the rows to a sink through a pipeline, in batches of so many; row i has number i. Ends when the sink has passed them all or fails again and again, or when `isOver` says so. */
async function feed(
  examined: Examined,
  sink: Sink,
  rows: readonly Row[],
  options: {
    readonly poisoned?: ReadonlyMap<number, Poison>
    readonly maxRows?: number
    readonly isOver?: (status: PipelineStatus) => boolean
  } = {},
): Promise<Fed> {
  const { poisoned = new Map<number, Poison>(), maxRows = 64 } = options
  const isOver =
    options.isOver ?? (({ position, failures }) => position?.next === BigInt(rows.length) || failures > 4)
  const letters: DeadLetter[] = []
  const statuses: PipelineStatus[] = []
  const over = new AbortController()
  const at = (next: number) => ({ log: examined.log.id, partition: 0, next: BigInt(next) })
  async function* consume(from: number): AsyncGenerator<Delivery> {
    for (let next = from; next < rows.length; next += maxRows) {
      const part = rows.slice(next, next + maxRows)
      const log = new PaperLog({ of: examined.log, next: BigInt(next) })
      let batch = examined.subject.batch(log, part)
      part.forEach((_, i) => {
        batch = poisoned.get(next + i)?.spoil(batch, i) ?? batch
      })
      const to = at(next + part.length)
      yield { batch, from: at(next), to, running: next, damaged: 0, expired: 0, ack: () => {} }
    }
  }
  await runPipeline(
    {
      name: examined.subject.name,
      log: examined.log.id,
      stream: 'readings',
      admit: async () => {},
      consume: ({ from }) => consume(Number(from?.next ?? 0)),
      processors: [],
      sink,
      letters: {
        async put(all) {
          letters.push(...all)
        },
      },
      clock: systemClock,
      maxRows,
      lingerMs: 0,
      onStatus(status) {
        statuses.push(status)
        if (isOver(status)) over.abort()
      },
    },
    over.signal,
  )
  return { letters, statuses }
}

export const pipelines: readonly Question[] = [
  {
    name: 'bad rows among good ones, and none but them, become dead letters with their reasons',
    skip: ({ poison }) => (poison.length > 0 ? false : 'there is no row that it refuses'),
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const rows = examined
        .fresh(300)
        .map((row, i) => ({ ...row, value: i % 2 ? `text ${i}` : i, extra: `{"i":${i}}` }))
      // The first and the last of a batch, two side by side, and others.
      const places = [0, 1, 63, 64, 100, 101, 102, 127, 128, 191, 200, 250, 298, 299]
      const poisoned = new Map(subject.poison.map((poison, i) => [places[i % places.length] ?? 0, poison]))
      assert.equal(poisoned.size, subject.poison.length)
      const { letters } = await feed(examined, await examined.sink(), rows, { poisoned })
      const bad = [...poisoned].sort(([a], [b]) => a - b)
      assert.deepEqual(
        letters.map(({ key, code }) => [key, code]),
        bad.map(([number, { code }]) => [`${subject.name}/${examined.log.id}/${number}`, code]),
      )
      for (const letter of letters) assert.match(letter.reason, /\w+ \w+/)
      rows.forEach((row, number) => {
        if (!poisoned.has(number)) examined.handed.push({ ...row, number })
      })
      const { size } = poisoned
      await examined.judge({ next: 300n, books: { handed: 300, stored: 300 - size, deadLettered: size } })
    },
  },
  {
    name: 'answers that are lost again and again repeat no row and skip none',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const rows = examined.fresh(60)
      const real = await examined.sink()
      let writes = 0
      const lossy: Sink = {
        name: real.name,
        state: (log, partition) => real.state(log, partition),
        async write(write, signal) {
          const written = await real.write(write, signal)
          if (++writes % 2 === 1) throw new SinkFailure('retry', 'store-down', 'the answer was lost')
          return written
        },
        close: () => real.close(),
      }
      const { letters } = await feed(examined, lossy, rows, { maxRows: 20 })
      assert.ok(writes >= 3)
      assert.deepEqual(letters, [])
      rows.forEach((row, number) => examined.handed.push({ ...row, number }))
      await examined.judge({ next: 60n, books: { handed: 60, stored: 60 } })
    },
  },
  {
    name: 'without something of its schema it is down and nothing becomes a dead letter; with it put back everything goes on',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const first = examined.fresh(20)
      await feed(examined, await examined.sink(), first)
      const all = [...first, ...examined.fresh(30)]
      await examined.close()
      const mend = await examined.place.breakSchema()
      const opening = new OpeningSink(subject.name, () => examined.sink())
      const broken = await feed(examined, opening, all, { isOver: ({ failures }) => failures >= 2 })
      assert.deepEqual(broken.letters, [])
      const { state, error } = broken.statuses.at(-2) ?? assert.fail('no status')
      assert.equal(state, 'down')
      assert.ok(error)
      await examined.close()
      await mend()
      const mended = await feed(examined, await examined.sink(), all)
      assert.deepEqual(mended.letters, [])
      all.forEach((row, number) => examined.handed.push({ ...row, number }))
      await examined.judge({ next: 50n, books: { handed: 50, stored: 50 } })
    },
  },
]
