/** Ratios that a bench reached, by its name: `{"mqtt-to-log": {"referenceRatio": 0.9}}`. */
export interface Baseline {
  /** Part of a recorded ratio that a run may be below it: runs on shared machines differ. */
  readonly tolerance: number
  readonly benches: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** The members of a result that mean the same on every machine: product ÷ reference, both of one run. */
export function ratiosOf(result: Readonly<Record<string, unknown>>): Record<string, number> {
  const ratios: Record<string, number> = {}
  for (const [name, value] of Object.entries(result)) {
    if (name.endsWith('Ratio') && typeof value === 'number') ratios[name] = value
  }
  return ratios
}

/** What of the result lies below the baseline, in words; empty if it holds. */
export function compareWithBaseline(
  name: string,
  result: Readonly<Record<string, unknown>>,
  { tolerance, benches }: Baseline,
): string[] {
  const recorded = benches[name]
  if (recorded === undefined) return [`bench/baseline.json has nothing of ${name}: record it first`]
  const ratios = ratiosOf(result)
  const faults: string[] = []
  for (const [ratio, before] of Object.entries(recorded)) {
    const now = ratios[ratio]
    const least = before * (1 - tolerance)
    if (now === undefined) faults.push(`${name} gave no ${ratio}, the baseline has ${before}`)
    else if (!(now >= least))
      faults.push(
        `${name}: ${ratio} is ${round(now)}, below ${round(least)} (${before} less ${tolerance * 100} %)`,
      )
  }
  return faults
}

/** The baseline with this result in it. */
export function recordInBaseline(
  name: string,
  result: Readonly<Record<string, unknown>>,
  baseline: Baseline,
): Baseline {
  const ratios = Object.fromEntries(
    Object.entries(ratiosOf(result)).map(([ratio, now]) => [ratio, round(now)]),
  )
  if (Object.keys(ratios).length === 0) throw new Error(`${name} gave no ratio to record`)
  const benches = Object.entries({ ...baseline.benches, [name]: ratios }).sort(([a], [b]) =>
    a.localeCompare(b),
  )
  return { ...baseline, benches: Object.fromEntries(benches) }
}

function round(ratio: number): number {
  return Math.round(ratio * 1000) / 1000
}
