import type { Device } from './device.ts'
import type { Random } from '../lib/random.ts'

interface Tag {
  readonly name: string
  readonly unit: string
  readonly base: number
  readonly swing: number
  readonly periodSeconds: number
}

const tags: readonly Tag[] = [
  { name: 'temperature', unit: '°C', base: 65, swing: 8, periodSeconds: 600 },
  { name: 'pressure', unit: 'bar', base: 4.2, swing: 0.4, periodSeconds: 240 },
  { name: 'flow', unit: 'm³/h', base: 31, swing: 6, periodSeconds: 420 },
  { name: 'speed', unit: '1/min', base: 1480, swing: 25, periodSeconds: 90 },
  { name: 'running', unit: '', base: 1, swing: 0, periodSeconds: 1 },
]

/** A pump behind a PLC. Sends NX's documented form (F6), tag after tag; now and then a value is of uncertain quality. */
export function createPlc(id: string, random: Random): Device {
  const phase = random.uniform() * 1000
  const bias = 1 + random.gaussian() * 0.03
  let next = 0

  return {
    id,
    message(_fromMicros, toMicros) {
      const tag = tags[next++ % tags.length] as Tag
      const seconds = toMicros / 1e6 + phase
      const wave = Math.sin((2 * Math.PI * seconds) / tag.periodSeconds)
      const value =
        tag.swing === 0
          ? true
          : Number((tag.base * bias + tag.swing * (wave + random.gaussian() * 0.05)).toFixed(3))
      const reading = {
        value,
        quality: random.uniform() < 0.002 ? 64 : 192,
        unit: tag.unit,
        timestamp: new Date(toMicros / 1000).toISOString(),
        device_id: id,
        tag_id: tag.name,
      }
      return { topic: `uns/${id}/${tag.name}`, payload: JSON.stringify(reading), readings: 1 }
    },
  }
}
