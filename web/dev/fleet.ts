/**
 * A made-up fleet whose readings follow from the time alone: history and live agree, and nothing is stored.
 * For working on the web app and for its tests; real data comes from `sluice simulate` and the real server.
 */
export interface DevSeries {
  readonly device: string
  readonly metric: string
  readonly unit: string
  /** ms between two readings, and when in that time they come. */
  readonly periodMs: number
  readonly phaseMs: number
  readonly kind: 'number' | 'text'
  /** Reads nothing between these, in ms of each hour, so that charts have gaps. */
  readonly silent: { readonly from: number; readonly to: number } | undefined
  value(time: number): number | string
  quality(time: number): number
}

export interface DevRow {
  readonly series: DevSeries
  readonly time: number
  readonly value: number | string
  readonly quality: number
}

export function createFleet(devices: number): DevSeries[] {
  const fleet: DevSeries[] = []
  for (let i = 0; i < devices; i++) fleet.push(...deviceAt(i))
  return fleet
}

/** Readings of a series in [from, to), in order. */
export function rowsBetween(series: DevSeries, from: number, to: number): DevRow[] {
  const { periodMs, phaseMs } = series
  const rows: DevRow[] = []
  for (let k = Math.ceil((from - phaseMs) / periodMs); k * periodMs + phaseMs < to; k++) {
    const time = k * periodMs + phaseMs
    if (!isSilent(series, time)) rows.push(rowAt(series, time))
  }
  return rows
}

/** The newest reading at or before `time`. */
export function lastRow(series: DevSeries, time: number): DevRow {
  let at = Math.floor((time - series.phaseMs) / series.periodMs) * series.periodMs + series.phaseMs
  while (isSilent(series, at)) at -= series.periodMs
  return rowAt(series, at)
}

function rowAt(series: DevSeries, time: number): DevRow {
  return { series, time, value: series.value(time), quality: series.quality(time) }
}

function isSilent({ silent }: DevSeries, time: number): boolean {
  const inHour = time % 3_600_000
  return silent !== undefined && inHour >= silent.from && inHour < silent.to
}

function deviceAt(i: number): DevSeries[] {
  const seed = i + 1
  if (i % 8 === 2) return accelerometer(`bridge/deck-${String(1 + (i - 2) / 8).padStart(2, '0')}`, seed)
  if (i % 2 === 0) return pump(`site${1 + ((i / 2) % 2)}/pump-${String(1 + i / 2).padStart(2, '0')}`, seed)
  return tracker(`tracker-${4000 + i * 7}`, seed)
}

function pump(device: string, seed: number): DevSeries[] {
  const silent = seed % 4 === 1 ? { from: 20 * 60_000, to: 26 * 60_000 } : undefined
  return [
    wave({ device, metric: 'temperature', unit: '°C', periodMs: 1000, base: 61, swing: 6, seed, silent }),
    wave({
      device,
      metric: 'pressure',
      unit: 'bar',
      periodMs: 1000,
      base: 4.2,
      swing: 0.4,
      seed: seed + 9,
      silent,
    }),
    wave({
      device,
      metric: 'flow',
      unit: 'm³/h',
      periodMs: 2000,
      base: 118,
      swing: 22,
      seed: seed + 5,
      silent,
    }),
    wave({
      device,
      metric: 'power',
      unit: 'kW',
      periodMs: 5000,
      base: 7.4,
      swing: 1.3,
      seed: seed + 3,
      silent,
    }),
    words({
      device,
      metric: 'mode',
      periodMs: 60_000,
      seed,
      of: ['auto', 'auto', 'auto', 'manual', 'standby'],
    }),
  ]
}

function tracker(device: string, seed: number): DevSeries[] {
  return [
    wave({ device, metric: 'speed', unit: 'km/h', periodMs: 5000, base: 46, swing: 30, seed }),
    wave({ device, metric: 'latitude', unit: '°', periodMs: 5000, base: 4.6, swing: 0.2, seed: seed + 1 }),
    wave({
      device,
      metric: 'longitude',
      unit: '°',
      periodMs: 5000,
      base: -74.08,
      swing: 0.2,
      seed: seed + 2,
    }),
    wave({ device, metric: 'battery', unit: 'V', periodMs: 30_000, base: 12.6, swing: 0.5, seed: seed + 4 }),
  ]
}

function accelerometer(device: string, seed: number): DevSeries[] {
  return ['x', 'y', 'z'].map((axis, k) => ({
    ...wave({
      device,
      metric: `acceleration.${axis}`,
      unit: 'm/s²',
      periodMs: 50,
      base: k === 2 ? 9.81 : 0,
      swing: 0.3,
      seed: seed + k,
    }),
    // The sum of seven sines with noise, as the documented sensors simulate it.
    value: (time: number) => {
      let sum = k === 2 ? 9.81 : 0
      for (let s = 1; s <= 7; s++) sum += (0.12 / s) * Math.sin((time / 1000) * s * 1.7 + seed + k)
      return rounded(sum + (noise(time, seed + k) - 0.5) * 0.05, 4)
    },
  }))
}

interface Wave {
  readonly device: string
  readonly metric: string
  readonly unit: string
  readonly periodMs: number
  readonly base: number
  readonly swing: number
  readonly seed: number
  readonly silent?: DevSeries['silent']
}

function wave({ base, swing, seed, silent, ...names }: Wave): DevSeries {
  const digits = swing < 1 ? 3 : 2
  return {
    ...names,
    phaseMs: (seed * 137) % names.periodMs,
    kind: 'number',
    silent,
    value(time) {
      const t = time / 60_000 + seed * 11
      const slow = Math.sin(t / 37) * 0.55 + Math.sin(t / 7.3) * 0.3 + Math.sin(t * 1.9) * 0.08
      return rounded(base + swing * (slow + (noise(time, seed) - 0.5) * 0.09), digits)
    },
    quality(time) {
      const luck = noise(Math.floor(time / 90_000), seed * 31)
      if (luck < 0.012) return 0
      return luck < 0.04 ? 64 : 192
    },
  }
}

function words({
  of,
  seed,
  ...names
}: {
  device: string
  metric: string
  periodMs: number
  seed: number
  of: readonly string[]
}): DevSeries {
  return {
    ...names,
    unit: '',
    phaseMs: (seed * 137) % names.periodMs,
    kind: 'text',
    silent: undefined,
    value: (time) => of[Math.floor(noise(Math.floor(time / 600_000), seed) * of.length)] ?? '',
    quality: () => 192,
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** 0 to 1, the same for the same time and seed. */
function noise(time: number, seed: number): number {
  let h = Math.imul(Math.floor(time) ^ Math.floor(time / 2 ** 32) ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}
