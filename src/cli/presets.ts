import { sevenSines } from '../simulator/accelerometer.ts'
import type { SimulationOptions } from '../simulator/simulate.ts'

type Preset = Omit<SimulationOptions, 'url' | 'seed'>

/** Fleets that people know by name. */
export const presets: Readonly<Record<'hivepulse' | 'sensors' | 'nexus', Preset>> = {
  /** HivePulse's load test: 200 trackers, 100 messages a second each. */
  hivepulse: {
    devices: { tracker: 200 },
    prefix: 'hive',
    rate: 100,
    connections: 50,
    vibration: { sines: sevenSines, noise: 0.05, frequency: 50 },
  },
  /** Ten accelerometers of 25 kHz that send once a second. */
  sensors: {
    devices: { accelerometer: 10 },
    prefix: 'AAD',
    rate: 1,
    connections: 10,
    vibration: { sines: sevenSines, noise: 0.05, frequency: 25_000 },
  },
  /** A hundred PLCs with ten tag values a second each. */
  nexus: {
    devices: { plc: 100 },
    prefix: 'line',
    rate: 10,
    connections: 20,
    vibration: { sines: sevenSines, noise: 0.05, frequency: 50 },
  },
}

/** What `npm start` shows on the first screen. */
export const demoFleet: Preset = {
  devices: { tracker: 3, accelerometer: 1, plc: 4 },
  prefix: 'demo',
  rate: 1,
  connections: 1,
  vibration: { sines: sevenSines, noise: 0.05, frequency: 50 },
}
