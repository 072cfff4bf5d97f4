import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drained, type ServerStatus } from './server-status.ts'

function statusOf(rows: number, backlog: number): Partial<ServerStatus> {
  const sink = { name: 'store', stream: 'readings', state: 'running', backlog }
  return { log: { rows: { readings: rows }, tornTails: 0, damagedFrames: 0 }, sinks: [sink as never] } // as: all that is looked at
}

const options = {
  rows: { readings: 10 },
  isAlone: true,
  timeoutMs: 20_000,
  signal: new AbortController().signal,
}

test('a log that has lost rows is not waited for once it stands still, but its sinks are', async () => {
  const told: string[] = []
  const answers = [statusOf(7, 7), statusOf(8, 8), statusOf(8, 8), statusOf(8, 8), statusOf(8, 3)]
  const server = { get: async () => answers.shift() ?? statusOf(8, 0) }
  const { sinks } = await drained(server, {
    ...options,
    restMs: 200,
    onWait: (missing) => told.push(missing),
  })
  assert.equal(sinks[0]?.backlog, 0)
  assert.match(told[2] ?? '', /the log has \{"readings":8\} rows, of \{"readings":10\} at least/)
  assert.match(told.at(-1) ?? '', /store has 3 rows of readings before it/)
})

test('a log whose count comes up late is waited for', async () => {
  const answers = [statusOf(7, 0), statusOf(7, 0), statusOf(10, 0)]
  const server = { get: async () => answers.shift() ?? statusOf(10, 0) }
  const { log } = await drained(server, { ...options, restMs: 5_000 })
  assert.deepEqual(log.rows, { readings: 10 })
})
