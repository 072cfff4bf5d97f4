import type { Device } from './device.ts'
import type { Random } from '../lib/random.ts'

/** a(t) = A sin(ωt + φ). Amplitude in the unit of the sensor, ω in rad/s, φ in rad. */
export interface Sine {
  readonly amplitude: number
  readonly omega: number
  readonly phase: number
}

const hertz = [5, 2.5, 10, 60, 120, 190, 550]
const amplitudes = [1.0, 0.6, 0.5, 0.3, 0.16, 0.86, 0.36]

/** The vibration of SP's sensors: seven sines from 2.5 to 550 Hz. */
export const sevenSines: readonly Sine[] = hertz.map((frequency, i) => ({
  amplitude: amplitudes[i] ?? 0,
  omega: 2 * Math.PI * frequency,
  phase: 0,
}))

export interface Vibration {
  readonly sines: readonly Sine[]
  /** Standard deviation of the noise. */
  readonly noise: number
  /** Samples a second. */
  readonly frequency: number
}

/** Sends SP's form (F3): an array of samples, as many as the frequency gives for the time. Times are RFC 3339 with nanoseconds. */
export function createAccelerometer(id: string, random: Random, vibration: Vibration): Device {
  const { sines, noise, frequency } = vibration
  const format = createFormatter()
  const head = `{"SerialNumber":${JSON.stringify(id)},"Timestamp":"`
  let sample = 0
  let startMicros: number | undefined

  return {
    id,
    message(_fromMicros, toMicros) {
      startMicros ??= toMicros - 1e6 / frequency
      const due = Math.max(1, Math.floor(((toMicros - startMicros) / 1e6) * frequency) - sample)
      const samples: string[] = []
      for (let i = 0; i < due; i++, sample++) {
        const seconds = sample / frequency
        let value = random.gaussian() * noise
        for (const { amplitude, omega, phase } of sines)
          value += amplitude * Math.sin(omega * seconds + phase)
        const time = format(startMicros + seconds * 1e6)
        samples.push(`${head}${time}","Value":${value.toFixed(6)}}`)
      }
      return { topic: `sensor.${id}.measurements`, payload: `[${samples.join(',')}]`, readings: due }
    },
  }
}

/** RFC 3339 with nanoseconds. The second is formatted once for all its samples: there may be 25,000. */
function createFormatter(): (micros: number) => string {
  let second = Number.NaN
  let prefix = ''
  return (micros) => {
    const whole = Math.floor(micros)
    const inSecond = whole % 1e6
    if (whole - inSecond !== second) {
      second = whole - inSecond
      prefix = new Date(second / 1000).toISOString().slice(0, 20)
    }
    return `${prefix}${String(inSecond).padStart(6, '0')}000Z`
  }
}
