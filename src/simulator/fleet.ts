import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { wait } from '../lib/wait.ts'
import type { Clock } from '../lib/clock.ts'
import type { Device } from './device.ts'
import type { Transport } from './transport.ts'

export interface FleetOptions {
  /** Messages a second of each device. */
  readonly rate: number
  /** Messages that may be unacknowledged at once, over all devices; beyond it the fleet waits. */
  readonly maxUnderway: number
}

export interface FleetTotals {
  sent: number
  acknowledged: number
  failed: number
  readings: number
  underway: number
  lastError: string | undefined
  /** Milliseconds from send to acknowledgement, in µs steps. */
  readonly latencyMicros: RecordableHistogram
}

/** How often the fleet looks which devices are due. */
const turnMs = 5

/**
 * Lets every device send at its rate until the signal aborts, then waits for the acknowledgements still under way. Devices are spread over
 * the period, so that the load is even. When the receiver is slow the fleet falls behind instead of piling up messages.
 */
export async function runFleet(
  devices: readonly Device[],
  transports: readonly Transport[],
  options: FleetOptions,
  clock: Clock,
  totals: FleetTotals,
  signal: AbortSignal,
): Promise<void> {
  const periodMs = 1000 / options.rate
  const start = clock.monotonicMs()
  const due = devices.map((_, i) => start + (i / devices.length) * periodMs)
  const measured = devices.map(() => clock.now())

  function send(device: Device, i: number): void {
    const now = clock.now()
    const { topic, payload, readings } = device.message(measured[i] ?? now, now)
    measured[i] = now
    const sentAt = clock.monotonicMs()
    totals.sent++
    totals.underway++
    const transport = transports[i % transports.length] as Transport // there is at least one
    transport.send(topic, payload).then(
      () => {
        totals.acknowledged++
        totals.readings += readings
        totals.underway--
        totals.latencyMicros.record(Math.max(1, Math.round((clock.monotonicMs() - sentAt) * 1000)))
      },
      (error: unknown) => {
        totals.failed++
        totals.underway--
        totals.lastError = error instanceof Error ? error.message : String(error)
      },
    )
  }

  while (!signal.aborted) {
    const now = clock.monotonicMs()
    for (let i = 0; i < devices.length; i++) {
      while ((due[i] as number) <= now && totals.underway < options.maxUnderway) {
        send(devices[i] as Device, i)
        // A fleet that was held up does not make up for more than a second.
        due[i] = Math.max((due[i] as number) + periodMs, now - 1000)
      }
    }
    await wait(turnMs, signal)
  }
  const never = new AbortController().signal
  for (let waitedMs = 0; totals.underway > 0 && waitedMs < 10_000; waitedMs += 20) await wait(20, never)
}

export function newTotals(): FleetTotals {
  return {
    sent: 0,
    acknowledged: 0,
    failed: 0,
    readings: 0,
    underway: 0,
    lastError: undefined,
    latencyMicros: createHistogram(),
  }
}
