import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExamSink } from '../../../test/support/exam-sink.ts'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import type { DeadLetter } from '../../core/intake.ts'
import type { Passed } from '../../core/log.ts'
import { SinkFailure } from '../../core/sink.ts'
import { type PipelineStatus, runPipeline } from './runner.ts'

const log = '00000000-0000-4000-8000-000000000000'
const at = (next: number) => ({ log, partition: 0, next: BigInt(next) })

for (const [often, keepEveryMs, places] of [
  ['once a minute', undefined, [10n, 10n, 10n, 40n, 40n]],
  ['as often as it is told', 20_000, [10n, 20n, 30n, 40n, 50n]],
] as const)
  test(`a stream without rows has a position too, kept at the end of the log and then ${often}`, async () => {
    const { log: readings } = await openSimulatedLog()
    const commit = () => readings.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 10) }))
    const clock = new FakeClock()
    const sink = new ExamSink()
    const stop = new AbortController()
    /** Where the sink stood each time that the end of the log was reached; 25 s and ten rows lie between two. */
    const stood: (bigint | undefined)[] = []
    await commit()
    await runPipeline(
      {
        name: 'exam',
        log: readings.id,
        stream: 'posts',
        admit: async () => {},
        consume: (options, signal) => {
          const onPassed = async (passed: Passed) => {
            await options.onPassed?.(passed)
            stood.push(sink.position?.next)
            if (stood.length === 5) stop.abort()
            clock.pass(25)
            await commit()
          }
          return readings.consume('posts', 'exam/posts', { ...options, onPassed }, signal)
        },
        processors: [],
        sink,
        letters: { put: () => Promise.reject(new Error('no row should be refused')) },
        clock,
        maxRows: 16,
        lingerMs: 0,
        keepEveryMs,
        onStatus: () => {},
      },
      stop.signal,
    )
    assert.deepEqual(stood, places)
    assert.equal(sink.books.handed, 0)
    await readings.close()
  })

test('rows that the log has lost are in the books at once, though none follows them', async () => {
  const sink = new ExamSink()
  const stop = new AbortController()
  const taken: (number | undefined)[] = []
  const runOnce = (...all: Passed[]) => {
    let last: PipelineStatus | undefined
    return runPipeline(
      {
        name: 'exam',
        log,
        stream: 'posts',
        admit: async () => {},
        async *consume(options) {
          taken.push(options.taken)
          for (const passed of all) await options.onPassed?.(passed)
          yield* []
        },
        processors: [],
        sink,
        letters: { put: () => Promise.reject(new Error('no row should be refused')) },
        clock: new FakeClock(),
        maxRows: 16,
        lingerMs: 0,
        onStatus: (status) => {
          last = status
        },
      },
      stop.signal,
    ).then(() => last)
  }
  const well = { position: at(40), running: 0, damaged: 0, expired: 0 }
  const last = await runOnce(well, { position: at(50), running: 7, damaged: 2, expired: 5 })
  assert.deepEqual([last?.books, last?.passed], [sink.books, 7])
  const { handed, damaged, expired, stored } = sink.books
  assert.deepEqual({ handed, damaged, expired, stored }, { handed: 7, damaged: 2, expired: 5, stored: 0 })
  assert.equal(sink.position?.next, 50n)
  await runOnce({ position: at(60), running: 7, damaged: 0, expired: 0 })
  assert.deepEqual(taken, [0, 7], 'so that they are not counted again')
  assert.equal(sink.books.handed, 7)
})

test('a sink that could not keep how far it has come is asked to again at once, and is well by then', async () => {
  const sink = new ExamSink({
    before(_write, attempt) {
      if (attempt === 1) throw new SinkFailure('stop', 'disk-full', 'no space left')
    },
  })
  const states: string[] = []
  await runPipeline(
    {
      name: 'exam',
      log,
      stream: 'posts',
      admit: async () => {},
      async *consume(options) {
        await options.onPassed?.({ position: at(40), running: 0, damaged: 0, expired: 0 })
        yield* []
      },
      processors: [],
      sink,
      letters: { put: () => Promise.reject(new Error('no row should be refused')) },
      // It stands still: a minute never passes.
      clock: new FakeClock(),
      maxRows: 16,
      lingerMs: 0,
      onStatus: ({ state }) => states.push(state),
    },
    new AbortController().signal,
  )
  assert.equal(sink.position?.next, 40n)
  assert.deepEqual(states.slice(states.indexOf('down')), ['down', 'down', 'running', 'stopped'])
})

test('an edit that the sink refuses is a letter, and no row of the books', async () => {
  const sink = new ExamSink({
    before({ batch }) {
      if (batch?.kind === 'edit') throw new SinkFailure('rows', 'row-refused', 'no such type')
    },
  })
  const letters: DeadLetter[] = []
  const whole = { metric: undefined, from: 0, to: 9, patch: { quality: 1 } }
  const place = { length: 1, base: 4n, row: undefined } as const
  let last: PipelineStatus | undefined
  await runPipeline(
    {
      name: 'exam',
      log,
      stream: 'readings',
      admit: async () => {},
      async *consume() {
        const lost = { damaged: 2, expired: 1 }
        const batch = { kind: 'edit', ...place, device: 'd', ...whole } as const
        yield { batch, from: at(0), to: at(5), running: 3, ...lost, ack: () => {} }
      },
      processors: [],
      sink,
      letters: { put: async (all) => void letters.push(...all) },
      clock: new FakeClock(),
      maxRows: 16,
      lingerMs: 0,
      onStatus: (status) => {
        last = status
      },
    },
    new AbortController().signal,
  )
  assert.deepEqual(
    letters.map(({ key, device }) => [key, device]),
    [[`exam/${log}/4`, 'd']],
  )
  assert.equal(sink.position?.next, 5n)
  const { handed, damaged, expired, deadLettered } = sink.books
  assert.deepEqual([handed, damaged, expired, deadLettered], [3, 2, 1, 0])
  assert.deepEqual(last?.books, sink.books)
})
