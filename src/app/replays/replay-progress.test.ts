import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { noBooks } from '../../core/sink.ts'
import { startingStatus } from '../pipeline/runner.ts'
import { ReplayProgress, statusOf } from './replay-progress.ts'
import type { ReplayRecord } from './replay-record.ts'

const part = (stream: string) => ({
  kind: 'log' as const,
  log: 'log',
  partition: 0,
  stream,
  from: 1_000n,
  until: 11_000n,
})
const record: ReplayRecord = {
  version: 1,
  sink: 'main',
  lane: 'again@1',
  parts: [part('readings'), part('posts')],
  started: 0,
  principal: 'local',
}
const at = (stream: string, next: bigint, handed: number) => ({
  ...startingStatus('main', stream),
  state: 'running' as const,
  position: { log: 'log', partition: 0, next },
  books: { ...noBooks, handed, stored: handed },
})

test('what is left of a replay is told by the readings that are left, at the pace of the last seconds', () => {
  const clock = new FakeClock()
  const progress = new ReplayProgress(record, clock)
  const status = () => statusOf('again', record, progress, undefined, undefined)
  assert.deepEqual([status().state, status().done, status().secondsLeft], ['running', 0, undefined])
  for (let second = 0; second <= 5; second++) {
    progress.heard(at('readings', BigInt(1_000 + second * 1_000), second * 900), 0)
    if (second < 5) clock.pass(1)
  }
  const half = status()
  assert.equal(half.rows, 4_500)
  assert.equal(Math.round(half.rowsPerSecond), 900)
  assert.ok(half.done > 0.49 && half.done < 0.51, String(half.done))
  assert.ok(half.secondsLeft !== undefined && half.secondsLeft > 4.9 && half.secondsLeft < 5.3)
  assert.equal(statusOf('again', record, progress, 'it is away', undefined).state, 'waiting')

  progress.heard(at('posts', 1_000n, 0), 1)
  const [readings, posts] = status().parts
  assert.deepEqual([readings?.position, posts?.position], [11_000n, 1_000n], 'the part before is done')
  assert.ok(status().done > 0.98)
})
