import { systemClock } from '../lib/clock.ts'
import { printable } from '../lib/printable.ts'
import { reasonOf } from '../lib/reason.ts'
import { readTextFile } from '../lib/text-file.ts'
import { wait } from '../lib/wait.ts'
import { sevenSines, type Sine } from '../simulator/accelerometer.ts'
import type { FleetTotals } from '../simulator/fleet.ts'
import { type SimulationOptions, simulate } from '../simulator/simulate.ts'
import { exitCode, usage } from './failure.ts'
import { presets } from './presets.ts'

export interface SimulateOptions {
  readonly url: string
  readonly ca?: string
  readonly preset?: string
  readonly trackers?: number
  readonly accelerometers?: number
  readonly plcs?: number
  readonly prefix?: string
  readonly rate?: number
  readonly connections?: number
  readonly duration?: number
  readonly seed: number
  readonly frequency?: number
  readonly amplitude?: number
  readonly omega?: number
  readonly phase?: number
  readonly noise?: number
}

/** `sluice simulate`: runs a fleet for its duration or until Ctrl-C, and says what became of its messages. */
export async function runSimulate(options: SimulateOptions): Promise<number> {
  const fleet = fleetOf(options)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  const timer =
    options.duration === undefined ? undefined : setTimeout(() => stop.abort(), options.duration * 1000)
  const started = systemClock.monotonicMs()
  try {
    const totals = await simulate(
      fleet,
      systemClock,
      (running) => void showProgress(running, started, stop.signal),
      stop.signal,
    )
    process.stdout.write(`${report(totals, started)}\n`)
    return totals.failed > 0 || totals.acknowledged < totals.sent ? exitCode.failed : exitCode.ok
  } finally {
    clearTimeout(timer)
  }
}

/** Options that mean something for accelerometers only. */
const ofVibration = ['frequency', 'amplitude', 'omega', 'phase', 'noise'] as const

/** Devices named beside a preset are beside its own, or change their number. */
function fleetOf(options: SimulateOptions): SimulationOptions {
  const isKnown = options.preset === undefined || Object.hasOwn(presets, options.preset)
  if (!isKnown)
    throw usage(`there is no preset ${options.preset}; there are: ${Object.keys(presets).join(', ')}`)
  const preset = presets[(options.preset ?? 'nexus') as keyof typeof presets]
  const { trackers: tracker, accelerometers: accelerometer, plcs: plc } = options
  const isChosen = tracker !== undefined || accelerometer !== undefined || plc !== undefined
  const usual = options.preset !== undefined ? preset.devices : isChosen ? {} : { tracker: 10 }
  const devices = {
    tracker: tracker ?? usual.tracker ?? 0,
    accelerometer: accelerometer ?? usual.accelerometer ?? 0,
    plc: plc ?? usual.plc ?? 0,
  }
  if (Object.values(devices).every((number) => number === 0))
    throw usage('a fleet without a device: name some with --trackers, --accelerometers or --plcs')
  const idle = ofVibration.filter((name) => options[name] !== undefined).map((name) => `--${name}`)
  if (devices.accelerometer === 0 && idle.length > 0)
    throw usage(
      `${idle.join(', ')} ${idle.length === 1 ? 'is' : 'are'} for accelerometers, and there are none: add some with --accelerometers`,
    )
  const ca = authorityOf(options)
  return {
    url: options.url,
    ...(ca === undefined ? {} : { ca }),
    devices,
    prefix: options.prefix ?? (options.preset === undefined ? 'sim' : preset.prefix),
    rate: options.rate ?? (options.preset === undefined ? 1 : preset.rate),
    connections: options.connections ?? preset.connections,
    seed: options.seed,
    vibration: {
      sines: sinesOf(options),
      noise: options.noise ?? preset.vibration.noise,
      frequency: options.frequency ?? preset.vibration.frequency,
    },
  }
}

/** The file that `--ca` names. */
function authorityOf({ url, ca }: SimulateOptions): string | undefined {
  if (ca === undefined) return undefined
  if (!/^(mqtts|wss):/i.test(url)) throw usage('--ca is for mqtts:// and wss://')
  try {
    return readTextFile(ca)
  } catch (error) {
    throw usage(`--ca: ${reasonOf(error)}`)
  }
}

/** A sine of one's own, or the seven. */
function sinesOf({ amplitude, omega, phase }: SimulateOptions): readonly Sine[] {
  if (amplitude === undefined && omega === undefined && phase === undefined) return sevenSines
  return [{ amplitude: amplitude ?? 1, omega: omega ?? 2 * Math.PI * 5, phase: phase ?? 0 }]
}

async function showProgress(totals: FleetTotals, started: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(1000, signal)
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line(totals, started)}`)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

function line(totals: FleetTotals, started: number): string {
  const seconds = (systemClock.monotonicMs() - started) / 1000
  const perSecond = Math.round(totals.acknowledged / Math.max(seconds, 0.001))
  const { sent, acknowledged, failed, underway, latencyMicros } = totals
  return `${seconds.toFixed(0)} s  sent ${sent}  acknowledged ${acknowledged} (${perSecond}/s)  under way ${underway}  failed ${failed}  p99 ${ms(latencyMicros.percentile(99))}`
}

function report(totals: FleetTotals, started: number): string {
  const seconds = (systemClock.monotonicMs() - started) / 1000
  const { sent, acknowledged, failed, readings, lastError, latencyMicros: latency } = totals
  const unanswered = sent - acknowledged - failed
  const reasons = [
    ...(failed > 0 ? [`${failed} failed: ${printable(lastError ?? 'unknown')}`] : []),
    ...(unanswered > 0 ? [`${unanswered} without an answer 10 s after the end`] : []),
  ]
  const lines = [
    `sent          ${sent}`,
    `acknowledged  ${acknowledged} in ${seconds.toFixed(1)} s, ${Math.round(acknowledged / seconds)} messages/s, ${Math.round(readings / seconds)} readings/s`,
    `not           ${sent - acknowledged}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
    `latency       p50 ${ms(latency.percentile(50))}  p90 ${ms(latency.percentile(90))}  p99 ${ms(latency.percentile(99))}  max ${ms(latency.max)}`,
  ]
  return lines.join('\n')
}

function ms(micros: number): string {
  return `${(micros / 1000).toFixed(micros < 10_000 ? 2 : 0)} ms`
}
