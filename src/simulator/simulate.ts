import type { Clock } from '../lib/clock.ts'
import { createAccelerometer, type Vibration } from './accelerometer.ts'
import type { Device } from './device.ts'
import { type FleetTotals, newTotals, runFleet } from './fleet.ts'
import { openHttpTransport } from './http-transport.ts'
import { openMqttTransport } from './mqtt-transport.ts'
import { createPlc } from './plc.ts'
import { createRandom } from '../lib/random.ts'
import { createTracker } from './tracker.ts'
import type { Transport } from './transport.ts'

export type DeviceKind = 'tracker' | 'accelerometer' | 'plc'

export interface SimulationOptions {
  /** `mqtt://host:port`, the same with `mqtts`, `ws://host:port/mqtt`, or `http://host:port`. */
  readonly url: string
  /** Certificates to trust beside those that node knows, as PEM. */
  readonly ca?: string
  /** How many devices of each kind. */
  readonly devices: Readonly<Partial<Record<DeviceKind, number>>>
  /** Their ids are `<prefix>-<kind>-<number>`. */
  readonly prefix: string
  /** Messages a second of each device. */
  readonly rate: number
  readonly connections: number
  readonly seed: number
  readonly vibration: Vibration
}

const connectTimeoutMs = 10_000
/** Messages under way for each connection at most. */
const underwayPerConnection = 500

/** Connects and runs a fleet until the signal aborts. `onConnected` gets the totals, which go on changing. */
export async function simulate(
  options: SimulationOptions,
  clock: Clock,
  onConnected: (totals: FleetTotals) => void,
  signal: AbortSignal,
): Promise<FleetTotals> {
  const devices = buildDevices(options)
  const transports = await openTransports(options, Math.min(options.connections, devices.length))
  const totals = newTotals()
  try {
    onConnected(totals)
    const maxUnderway = transports.length * underwayPerConnection
    await runFleet(devices, transports, { rate: options.rate, maxUnderway }, clock, totals, signal)
    return totals
  } finally {
    await Promise.all(transports.map((transport) => transport.close()))
  }
}

function buildDevices({ devices, prefix, seed, vibration }: SimulationOptions): Device[] {
  const create: Record<DeviceKind, (id: string, seed: number) => Device> = {
    tracker: (id, own) => createTracker(id, createRandom(own)),
    accelerometer: (id, own) => createAccelerometer(id, createRandom(own), vibration),
    plc: (id, own) => createPlc(id, createRandom(own)),
  }
  const kinds = Object.keys(create) as DeviceKind[] // the keys of the literal above
  return kinds.flatMap((kind, k) =>
    Array.from({ length: devices[kind] ?? 0 }, (_, i) =>
      create[kind](`${prefix}-${kind}-${i + 1}`, seed * 1_000_003 + k * 100_003 + i),
    ),
  )
}

function openTransports(
  { url, ca, prefix, seed }: SimulationOptions,
  connections: number,
): Promise<Transport[]> {
  const open = async (i: number): Promise<Transport> =>
    /^https?:/.test(url)
      ? openHttpTransport(url, connectTimeoutMs)
      : openMqttTransport({ url, ca, clientId: `${prefix}-simulator-${seed}-${i}`, connectTimeoutMs })
  return Promise.all(Array.from({ length: connections }, (_, i) => open(i)))
}
