import { z } from 'zod'
import type { ComponentConfig, Config } from '../app/config/config.ts'
import { namePattern } from '../core/pattern.ts'
import { demoFleet } from './presets.ts'

const demoDevices = `${demoFleet.prefix}-*`

/** Stores that can be told how long to keep readings. */
const withRetention = z.looseObject({
  retention: z.looseObject({ readings: z.array(z.looseObject({ devices: z.string() })) }),
})

/** Every store keeps the demo fleet's readings for a day, unless a rule of its own says how long. */
export function keepDemoADay(config: Config): Config {
  const stores = Object.entries(config.stores).map(([name, store]) => [name, keepingDemoADay(store)] as const)
  return { ...config, stores: Object.fromEntries(stores) }
}

function keepingDemoADay(store: ComponentConfig): ComponentConfig {
  const { success, data } = withRetention.safeParse(store.options)
  if (!success) return store
  const { retention } = data
  // A pattern that fits all demo devices fits their pattern, whose * is a character like any other to it.
  if (retention.readings.some(({ devices }) => namePattern(devices)(demoDevices))) return store
  const rule = { devices: demoDevices, keepDays: 1 }
  return {
    ...store,
    options: { ...store.options, retention: { ...retention, readings: [...retention.readings, rule] } },
  }
}
