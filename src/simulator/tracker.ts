import type { Device } from './device.ts'
import type { Random } from '../lib/random.ts'

/** Metres that a degree of latitude has. */
const metresPerDegree = 111_320
const secondsOfCharge = 8 * 3600

/**
 * A vehicle that wanders around a town: it keeps its speed, turns a little all the time, and drives home when it is
 * too far out. Sends HivePulse's form (F1), whose clock has whole seconds.
 */
export function createTracker(
  id: string,
  random: Random,
  centre = { latitude: 55.7558, longitude: 37.6173 },
): Device {
  let { latitude, longitude } = centre
  latitude += random.gaussian() * 0.02
  longitude += random.gaussian() * 0.03
  let heading = random.uniform() * 2 * Math.PI
  const speed = 5 + random.uniform() * 15 // m/s
  let battery = 60 + random.uniform() * 40
  const altitude = 120 + random.gaussian() * 20

  return {
    id,
    message(fromMicros, toMicros) {
      const seconds = (toMicros - fromMicros) / 1e6
      const isFar = Math.hypot(latitude - centre.latitude, longitude - centre.longitude) > 0.15
      const home = Math.atan2(centre.longitude - longitude, centre.latitude - latitude)
      heading = isFar ? home : heading + random.gaussian() * 0.3 * Math.sqrt(seconds)
      const metres = speed * seconds
      latitude += (Math.cos(heading) * metres) / metresPerDegree
      longitude += (Math.sin(heading) * metres) / (metresPerDegree * Math.cos((latitude * Math.PI) / 180))
      battery -= (100 * seconds) / secondsOfCharge
      if (battery < 5) battery = 100
      const fix = {
        id,
        latitude: round(latitude, 6),
        longitude: round(longitude, 6),
        altitude: round(altitude + random.gaussian(), 1),
        battery: round(battery, 1),
        timestamp: Math.floor(toMicros / 1e6),
      }
      return { topic: 'devices/telemetry', payload: JSON.stringify(fix), readings: 4 }
    },
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
