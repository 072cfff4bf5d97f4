/** How a range is read from the store: every row, or one bucket per step. */
export type Resolution =
  | { readonly kind: 'raw'; readonly limit: number }
  | { readonly kind: 'buckets'; readonly stepMs: number }

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 7, 30].map((n) => n * day),
]

/**
 * Rows are drawn one by one while there are at most two for each pixel; beyond, buckets of at least two pixels show the same
 * line with its minimum and maximum. `rowsPerMs` is what is known of the series' density; unknown tries rows first, and the
 * answer's `next` tells that they were too many.
 */
export function chooseResolution(
  rangeMs: number,
  widthPx: number,
  rowsPerMs: number | undefined,
): Resolution {
  const limit = rawLimit(widthPx)
  const isDense = rowsPerMs !== undefined && rowsPerMs * rangeMs > limit
  return isDense ? { kind: 'buckets', stepMs: stepFor(rangeMs, widthPx) } : { kind: 'raw', limit }
}

/** Rows that are drawn one by one at most. */
export function rawLimit(widthPx: number): number {
  return Math.max(200, Math.round(widthPx * 2))
}

/** The smallest usual step that gives at most a bucket for every two pixels. */
export function stepFor(rangeMs: number, widthPx: number): number {
  const wanted = (rangeMs / Math.max(1, widthPx)) * 2
  return steps.find((step) => step >= wanted) ?? Math.ceil(wanted / day) * day
}

/** A step as the API writes it: `250ms`, `15s`, `5m`, `1h`, `7d`. */
export function stepName(stepMs: number): string {
  if (stepMs % day === 0) return `${stepMs / day}d`
  if (stepMs % hour === 0) return `${stepMs / hour}h`
  if (stepMs % minute === 0) return `${stepMs / minute}m`
  if (stepMs % second === 0) return `${stepMs / second}s`
  return `${stepMs}ms`
}
