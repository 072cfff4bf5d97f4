import path from 'node:path'
import { type OpenKeptState, openKeptState, type StateOptions } from '../../src/app/kept-state/kept-state.ts'
import { type KeyedState, keyedStreams } from '../../src/core/keyed-state.ts'
import { createIntake, type GroupCommitIntake } from '../../src/intake/intake.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { type EmbeddedLog, openEmbeddedLog } from '../../src/log/embedded/log.ts'

const groupOf = (stream: string) => `state/${stream}`

/** The log, the intake and the kept state in a data folder, as the program has them between two starts. */
export interface KeptRun extends OpenKeptState {
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  stop(): Promise<void>
}

export async function openKeptRun(
  data: string,
  told: Partial<Pick<StateOptions, 'onStatus' | 'onSetAside'>> = {},
): Promise<KeptRun> {
  const logFolder = path.join(data, 'log')
  const log = await openEmbeddedLog(logFolder, {
    segmentBytes: 1 << 20,
    maxBytes: 1 << 30,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: keyedStreams.map(groupOf),
  })
  let opened: OpenKeptState
  try {
    opened = await openKeptState(log, {
      name: 'state',
      groupOf,
      file: path.join(data, 'state.db'),
      logFolder,
      onStatus: () => {},
      onSetAside: () => {},
      ...told,
    })
  } catch (error) {
    await log.close()
    throw error
  }
  const intake = createIntake(log, systemClock, log.start, {
    limits: { series: 100, seriesPerDevice: 100, nameBytes: 100 },
    rules: [],
    strict: false,
    maxRows: 16_384,
    lingerMs: 0,
    maxBytes: 32 << 20,
    deadLetters: { maxBytes: 1 << 20 },
  })
  return {
    ...opened,
    log,
    intake,
    async stop() {
      await opened.keeper.stop()
      await intake.close()
      await log.close()
    },
  }
}

/** Everything under its key, as text. */
export function textsOf(found: KeyedState, prefix = ''): Record<string, string> {
  const texts = [...found.entries(prefix)].map(
    ([key, value]) => [key, Buffer.from(value).toString()] as const,
  )
  return Object.fromEntries(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
