/** What a device page shows, as its address keeps it: going back undoes a zoom. */
export interface DeviceSearch {
  /** Length of the window that ends now. */
  readonly range?: LiveRange
  /** A window that stands still, ms since 1970; holds over `range`. */
  readonly from?: number
  readonly to?: number
  /** Metrics drawn; absent: the first few. */
  readonly metrics?: readonly string[]
}

export const liveRanges = ['1m', '15m', '1h', '6h', '24h', '7d'] as const
export type LiveRange = (typeof liveRanges)[number]

const lengthsMs: Record<LiveRange, number> = {
  '1m': 60_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
}

export type Range =
  | { readonly kind: 'live'; readonly name: LiveRange; readonly lengthMs: number }
  | { readonly kind: 'fixed'; readonly from: number; readonly to: number }

export interface Window {
  readonly from: number
  readonly to: number
}

/** Anything that is not understood counts as absent: an old bookmark still opens. */
export function readDeviceSearch(search: Record<string, unknown>): DeviceSearch {
  const range = liveRanges.find((name) => name === search['range'])
  const from = whole(search['from'])
  const to = whole(search['to'])
  const { metrics } = search
  return {
    ...(range === undefined ? {} : { range }),
    ...(from !== undefined && to !== undefined && to > from ? { from, to } : {}),
    ...(Array.isArray(metrics) ? { metrics: metrics.filter((m): m is string => typeof m === 'string') } : {}),
  }
}

export function rangeOf({ range = '15m', from, to }: DeviceSearch): Range {
  return from !== undefined && to !== undefined
    ? { kind: 'fixed', from, to }
    : { kind: 'live', name: range, lengthMs: lengthsMs[range] }
}

export function windowOf(range: Range, now: number): Window {
  return range.kind === 'live' ? { from: now - range.lengthMs, to: now } : range
}

/** The window a share of its length earlier (negative) or later. */
export function moved({ from, to }: Window, share: number): Window {
  const by = (to - from) * share
  return { from: from + by, to: to + by }
}

/** The window around its middle, `factor` times as long. */
export function widened({ from, to }: Window, factor: number): Window {
  const middle = (from + to) / 2
  const half = ((to - from) / 2) * factor
  return { from: middle - half, to: middle + half }
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
