import { setImmediate as nextTurn } from 'node:timers/promises'
import { createIntake, type GroupCommitIntake, type IntakeOptions } from '../../src/intake/intake.ts'
import type { EmbeddedLogOptions } from '../../src/log/embedded/log.ts'
import { type ReadDocument, type ReadRow, readAll, rowsOf } from './log-reading.ts'
import { openSimulatedLog, type SimulatedLog } from './simulated-log.ts'
import { folder } from './written-log.ts'

const roomy: IntakeOptions = {
  limits: { series: 1000, seriesPerDevice: 100, nameBytes: 100 },
  rules: [],
  strict: false,
  maxRows: 16_384,
  lingerMs: 0,
  maxBytes: 32 << 20,
  deadLetters: { maxBytes: 10_000 },
}

export interface Gate extends SimulatedLog {
  readonly intake: GroupCommitIntake
  /** What a new reader finds in the log. */
  rows(): Promise<ReadRow[]>
  documents(stream: string): Promise<ReadDocument[]>
}

/** An intake before a log on a disk in memory. */
export async function openGate(
  options: Partial<IntakeOptions> = {},
  logOptions: Partial<EmbeddedLogOptions> = {},
): Promise<Gate> {
  const simulated = await openSimulatedLog(logOptions)
  return { ...simulated, ...gateTo(simulated, options) }
}

/** An intake before that log. */
export function gateTo(
  { log, storage, clock }: SimulatedLog,
  options: Partial<IntakeOptions> = {},
): Pick<Gate, 'intake' | 'rows' | 'documents'> {
  const known = () => ({ id: log.id, watermark: log.tail.watermark() })
  return {
    intake: createIntake(log, clock, log.start, { ...roomy, ...options }),
    rows: async () => rowsOf(await readAll(storage, folder, known(), { maxRows: 1e6 })),
    documents: async (stream) =>
      (await readAll(storage, folder, known(), { stream })).flatMap(({ documents }) => documents),
  }
}

/** Adds rows with the values from `from` to `to` less one. */
export function addRows(intake: GroupCommitIntake, from: number, to: number, device = 'd'): void {
  const series = intake.series(device, 'm', 'number')
  for (let i = from; i < to; i++) intake.add(series, i, i, 192, 0)
}

/** The end of this turn of the event loop. */
export const turn = (): Promise<void> => nextTurn()

/** 'durable', or the code it failed with. */
export function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'durable',
    (error: { code: string }) => error.code,
  )
}
