/** [from, to) µs. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

/** Cost of comparing a stretch of a chunk with no keys, and what very many keys add to it: measured, any unit. */
const scanCost = 1
const keyCost = 3
const manyKeys = 65_536
/** Cuts that are tried. */
const parts = 50

/**
 * Cuts the time range of keys in two where that makes them cheaper to look up: recent repeats stand close together, a few late rows far from
 * them. Rows of a stretch are compared with its keys only, and the zone maps leave out the rest.
 */
export function splitRange(times: Float64Array): TimeRange[] {
  const sorted = times.toSorted()
  const min = sorted[0]
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return []
  const whole = { from: min, to: max + 1 }
  let best: TimeRange[] = [whole]
  // A cut must be worth a second query.
  let least = cost(whole, sorted.length) * 0.8
  for (let part = 1; part < parts; part++) {
    // Many keys may have one time: cut before the first of them.
    const cut = sorted[Math.floor((sorted.length * part) / parts)] as number
    const at = firstAtLeast(sorted, cut)
    if (at === 0) continue
    const before = sorted[at - 1] as number
    const early = { from: min, to: before + 1 }
    const late = { from: cut, to: max + 1 }
    const both = cost(early, at) + cost(late, sorted.length - at)
    if (both >= least) continue
    least = both
    best = [early, late]
  }
  return best
}

function cost({ from, to }: TimeRange, keys: number): number {
  return (to - from) * (scanCost + keyCost * Math.min(1, keys / manyKeys))
}

function firstAtLeast(sorted: Float64Array, time: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < time) low = middle + 1
    else high = middle
  }
  return low
}
