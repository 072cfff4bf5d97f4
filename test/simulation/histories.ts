import { Worker } from 'node:worker_threads'
import type { HistoryResult } from './history-result.ts'
import { runHistory } from './history.ts'

/** Histories with the seeds from `seed` on, one after the other. */
export interface Range {
  readonly seed: number
  readonly histories: number
}

export interface Totals {
  histories: number
  events: number
  offered: number
  acked: number
  crashes: number
  stops: number
  /** Those that were not as promised: with their last events. */
  readonly failed: HistoryResult[]
}

export interface HistoriesOptions extends Range {
  /** Threads; 1 is this one. */
  readonly workers: number
  readonly signal?: AbortSignal
  onProgress?(totals: Totals): void
}

/** A run is over when so many have failed. */
const maxFailed = 5
/** What a thread does before it says how it went. */
const perRange = 500

/** Runs them all, or until some have failed. */
export async function runHistories(options: HistoriesOptions): Promise<Totals> {
  const { workers, signal, onProgress } = options
  const totals = noTotals()
  const ranges = rangesOf(options)
  const isOver = () => signal?.aborted === true || totals.failed.length >= maxFailed
  const work = async (run: (range: Range) => Promise<Totals>) => {
    for (let range = ranges.next(); range.done !== true && !isOver(); range = ranges.next()) {
      add(totals, await run(range.value))
      onProgress?.(totals)
    }
  }
  if (workers <= 1) await work(runRange)
  else await Promise.all(Array.from({ length: workers }, () => inThread(work)))
  totals.failed.sort((a, b) => a.seed - b.seed)
  return totals
}

/** In this thread. One that fails is run again for the record of what happened. */
export async function runRange({ seed, histories }: Range): Promise<Totals> {
  const totals = noTotals()
  for (let i = 0; i < histories && totals.failed.length < maxFailed; i++) {
    const result = await runHistory(seed + i)
    totals.histories++
    totals.events += result.events
    totals.offered += result.offered
    totals.acked += result.acked
    totals.crashes += result.crashes
    totals.stops += result.stops
    if (result.violation !== undefined) totals.failed.push(await runHistory(seed + i, true))
  }
  return totals
}

async function inThread(work: (run: (range: Range) => Promise<Totals>) => Promise<void>): Promise<void> {
  const worker = new Worker(new URL('./history-worker.ts', import.meta.url))
  const died = new Promise<never>((_, reject) => worker.once('error', reject))
  try {
    await work((range) => {
      const answer = new Promise<Totals>((resolve) => worker.once('message', resolve))
      worker.postMessage(range)
      return Promise.race([answer, died])
    })
  } finally {
    await worker.terminate()
  }
}

function* rangesOf({ seed, histories }: Range): Generator<Range, undefined> {
  for (let done = 0; done < histories; done += perRange)
    yield { seed: seed + done, histories: Math.min(perRange, histories - done) }
  return undefined
}

function noTotals(): Totals {
  return { histories: 0, events: 0, offered: 0, acked: 0, crashes: 0, stops: 0, failed: [] }
}

function add(totals: Totals, more: Totals): void {
  totals.histories += more.histories
  totals.events += more.events
  totals.offered += more.offered
  totals.acked += more.acked
  totals.crashes += more.crashes
  totals.stops += more.stops
  totals.failed.push(...more.failed)
}

/** What went wrong in a history, how to have it again, and what happened last. */
export function toldFailure({ seed, violation, trace }: HistoryResult, events: number): string {
  const last = trace.slice(Math.max(0, trace.length - events)).map((line) => `    ${line}`)
  const command = `node test/simulation/run.ts --seed ${seed} --histories 1 --events 100000`
  return [`seed ${seed}: ${violation}`, `  again: ${command}`, '  last events:', ...last].join('\n')
}
