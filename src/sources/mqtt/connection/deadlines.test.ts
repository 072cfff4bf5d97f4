import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mqttConfig } from '../config.ts'
import { Deadlines, type Progress } from './deadlines.ts'

const idle: Progress = { state: 'open', stalledMs: 0, isPaused: false, packet: 0, frame: 0 }
const limits = mqttConfig.parse({ packetTimeoutMs: 1_000 })

/** The counter of what a connection is late with after looks that are 100 ms apart. */
function after(ms: number, progressAt: (nowMs: number) => Partial<Progress>): string | undefined {
  const deadlines = new Deadlines(0, limits)
  for (let now = 0; now <= ms; now += 100) {
    deadlines.receivedMs = now
    const late = deadlines.late(now, { ...idle, ...progressAt(now) })
    if (late !== undefined) return `${late.counter} at ${now}`
  }
  return undefined
}

for (const part of ['packet', 'frame'] as const) {
  test(`a ${part} that does not come whole is late, however much of it still comes`, () => {
    assert.equal(
      after(5_000, () => ({ [part]: 1 })),
      'packetTooLate at 1100',
    )
  })

  test(`one unfinished ${part} after another is not late`, () => {
    assert.equal(
      after(5_000, (now) => ({ [part]: 1 + Math.floor(now / 900) })),
      undefined,
    )
  })
}

test('while nothing is read from a connection its packet does not grow older', () => {
  assert.equal(
    after(5_000, (now) => ({ packet: 1, isPaused: now > 500 && now <= 3_000 })),
    'packetTooLate at 3600',
  )
})
