import type { z } from 'zod'

/**
 * A proof of test/reliability: `node test/reliability/run.ts NAME` runs it at full length, a test beside it the same code with small
 * numbers. Its options have defaults, and their `describe()` is what the list of proofs says.
 */
export interface Proof<Options extends z.ZodObject = z.ZodObject> {
  readonly options: Options
  /** Ends what it started, also when it throws; what `report.ends` was told is ended in any case. */
  run(options: z.output<Options>, report: Report): Promise<Outcome>
}

/** What the runner gives a proof. */
export interface Report {
  /** Every choice of the run follows from it. */
  readonly seed: number
  /** An empty folder for this run alone; it is kept if the run is not ok. */
  readonly folder: string
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** A line of progress. */
  note(line: string): void
  /** To be called when the proof is over, however it ends; the last one told is called first. */
  ends(end: () => void | Promise<void>): void
}

export interface Outcome {
  /** How many times it was tried: cycles, starts, rows, points. */
  readonly n: number
  /** The figures, by name. */
  readonly seen: Readonly<Record<string, unknown>>
  /** What is not as promised, in words: the proof holds if there is none. */
  readonly faults: readonly string[]
}
