import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAccelerometer, sevenSines } from './accelerometer.ts'
import { createRandom } from '../lib/random.ts'

interface Sample {
  readonly SerialNumber: string
  readonly Timestamp: string
  readonly Value: number
}

const start = 1_700_000_000_000_000
const samplesOf = (payload: string) => JSON.parse(payload) as Sample[]

test('a message holds every sample of its time, 25,000 a second, with ascending unique times', () => {
  const device = createAccelerometer('A-1', createRandom(1), {
    sines: sevenSines,
    noise: 0.05,
    frequency: 25_000,
  })
  device.message(start, start)
  const { topic, payload, readings } = device.message(start, start + 1_000_000)
  const samples = samplesOf(payload)
  assert.equal(topic, 'sensor.A-1.measurements')
  assert.equal(readings, samples.length)
  assert.ok(Math.abs(samples.length - 25_000) <= 1, String(samples.length))
  assert.equal(new Set(samples.map((sample) => sample.Timestamp)).size, samples.length)
  assert.match(samples[0]?.Timestamp ?? '', /^2023-11-14T22:13:20\.\d{9}Z$/)
})

test('without noise the values are A sin(ωt + φ)', () => {
  const sine = { amplitude: 2, omega: 3, phase: 0.5 }
  const device = createAccelerometer('A-1', createRandom(1), { sines: [sine], noise: 0, frequency: 100 })
  const samples = [start, start + 1_000_000].flatMap((to) => samplesOf(device.message(to, to).payload))
  samples.forEach(({ Value }, i) => {
    assert.ok(Math.abs(Value - 2 * Math.sin(3 * (i / 100) + 0.5)) < 1e-6, `sample ${i}: ${Value}`)
  })
})

test('the same seed gives the same samples, another seed others', () => {
  const run = (seed: number) => {
    const device = createAccelerometer('A-1', createRandom(seed), {
      sines: sevenSines,
      noise: 1,
      frequency: 50,
    })
    return [start, start + 1e6].map((to) => device.message(to, to).payload).join()
  }
  assert.equal(run(7), run(7))
  assert.notEqual(run(7), run(8))
})
