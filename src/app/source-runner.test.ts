import assert from 'node:assert/strict'
import test from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { turn } from '../../test/support/gate.ts'
import { RecordingIntake } from '../../test/support/recording-intake.ts'
import type { SourceSnapshot } from '../api/snapshot.ts'
import { type FeedSource, SourceFailure } from '../core/source.ts'
import { type FeedCounters, newFeedCounters } from '../sources/message-taker.ts'
import { SourceRunner } from './source-runner.ts'

/** Ends each attempt as the next step says; without one it waits until it is stopped. */
class ScriptedSource implements FeedSource {
  readonly name = 'factory'
  readonly counters: FeedCounters = newFeedCounters()
  readonly steps: ((counters: FeedCounters) => Promise<void> | void)[] = []
  attempts = 0

  async run(_intake: unknown, signal: AbortSignal): Promise<void> {
    this.attempts++
    const step = this.steps.shift()
    try {
      if (step !== undefined) await step(this.counters)
      else {
        this.connect()
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      }
    } finally {
      this.counters.isConnected = false
    }
  }

  connect(): void {
    this.counters.connects++
    this.counters.isConnected = true
  }

  status(): FeedCounters {
    return { ...this.counters }
  }
}

function scripted() {
  const source = new ScriptedSource()
  const clock = new FakeClock()
  const lines: string[] = []
  const line = (level: string) => (_fields: object, message: string) => lines.push(`${level}: ${message}`)
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const runner = new SourceRunner('exam', source, new RecordingIntake(), clock, log)
  const until = async (isIt: (status: SourceSnapshot) => boolean) => {
    while (!isIt(runner.status)) await turn()
  }
  return { source, clock, lines, runner, until }
}

const refused = () => {
  throw new SourceFailure('retry', 'nobody answers')
}

test('a source whose server cannot be reached is tried again, and one line tells of it', async () => {
  const { source, clock, lines, runner, until } = scripted()
  source.steps.push(refused, refused)
  assert.equal(runner.status.state, 'connecting')
  runner.start()
  await until(({ failures }) => failures === 2)
  clock.pass(31)
  const { state, error, failingMs } = runner.status
  assert.deepEqual(
    { state, error, failingMs },
    { state: 'waiting', error: 'nobody answers', failingMs: 31_000 },
  )
  await until(({ state }) => state === 'running')
  assert.equal(source.attempts, 3)
  assert.deepEqual(lines, ['warn: tried again: nobody answers'])
  assert.equal(runner.status.failures, 2, 'nothing shows yet that it works')
  source.counters.acknowledged++
  assert.deepEqual([runner.status.failures, runner.status.failingMs, runner.status.error], [0, 0, undefined])
  assert.equal(lines.at(-1), 'info: it takes messages again')
  await runner.stop()
  assert.equal(runner.status.state, 'stopped')
})

test('connections that come to nothing count as failures, one that is kept for a while does not', async () => {
  const { source, clock, runner, until } = scripted()
  const thrownOut = () => {
    source.connect()
    refused()
  }
  source.steps.push(thrownOut, thrownOut)
  runner.start()
  await until(({ state }) => state === 'running')
  assert.equal(runner.status.failures, 2)
  clock.pass(10)
  assert.equal(runner.status.failures, 0)
  await runner.stop()
})

test('what somebody must mend is down at once, stays so while it is tried again, and until it works', async () => {
  const { source, lines, runner, until } = scripted()
  const second = Promise.withResolvers<void>()
  source.steps.push(
    () => {
      throw new SourceFailure('stop', 'the password is wrong')
    },
    () => second.promise,
  )
  runner.start()
  await until(({ state }) => state === 'down')
  while (source.attempts < 2) await turn()
  assert.equal(runner.status.state, 'down')
  assert.deepEqual(lines, ['error: down: the password is wrong'])
  second.reject(new SourceFailure('retry', 'nobody answers'))
  await until(({ state }) => state === 'running')
  source.counters.acknowledged++
  assert.equal(runner.status.failures, 0)
  await runner.stop()
})

test('a defect of a source is told and costs no other part', async () => {
  const { source, lines, runner, until } = scripted()
  source.steps.push(() => {
    throw new TypeError('undefined is no function')
  })
  runner.start()
  await until(({ state }) => state === 'running')
  assert.deepEqual(lines, ['error: the source has failed; it is tried again'])
  await runner.stop()
})

test('a source that ends by itself without a word is tried again', async () => {
  const { source, runner, until } = scripted()
  source.steps.push(() => undefined)
  runner.start()
  await until(({ state }) => state === 'running')
  assert.equal(runner.status.error, 'the connection has ended')
  await runner.stop()
})
