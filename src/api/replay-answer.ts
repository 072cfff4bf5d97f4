import { z } from 'zod'
import type { ReplayStatus } from '../core/replay.ts'

export const shownReplay = z.object({
  name: z.string(),
  sink: z.string(),
  fromStore: z.string().optional().describe('The store that is copied.'),
  state: z
    .enum(['running', 'waiting', 'done', 'cancelled', 'failed'])
    .describe('waiting: the sink takes nothing now; the replay goes on by itself.'),
  error: z.string().optional().describe('Why it waits or has failed.'),
  note: z.string().optional().describe('What whoever started it should know.'),
  from: z.int().optional().describe('The first number; each part of a copy has its own.'),
  to: z.int().optional().describe('The first number that is not meant.'),
  rate: z.number().optional(),
  started: z.number().describe('ms since 1970.'),
  ended: z.number().optional().describe('ms since 1970.'),
  principal: z.string().describe('Who started it.'),
  rows: z.int().describe('Rows that the sink was handed so far.'),
  rowsPerSecond: z.int(),
  secondsLeft: z.int().optional().describe('Until it is done, at the pace of the last seconds.'),
  done: z.number().min(0).max(1).describe('Share of the log between the bounds that has been passed.'),
  parts: z.array(
    z.object({
      stream: z.string().describe('edits for those that a copy brings.'),
      log: z.string(),
      position: z.int().describe('Everything below this number is done.'),
      books: z
        .record(z.string(), z.int())
        .describe('Of the replay alone; rows that the sink had already are repeated.'),
    }),
  ),
})

/** A replay as routes show it. */
export function replayAnswer(status: ReplayStatus): z.output<typeof shownReplay> {
  const { from, to, started, ended, rowsPerSecond, secondsLeft, done, parts, ...rest } = status
  return {
    ...rest,
    ...(from === undefined ? {} : { from: Number(from) }),
    ...(to === undefined ? {} : { to: Number(to) }),
    started: started / 1000,
    ...(ended === undefined ? {} : { ended: ended / 1000 }),
    done: Math.round(done * 1e4) / 1e4,
    rowsPerSecond: Math.round(rowsPerSecond),
    ...(secondsLeft === undefined ? {} : { secondsLeft: Math.ceil(secondsLeft) }),
    parts: parts.map(({ stream, log, position, books }) => ({
      stream,
      log,
      position: Number(position),
      books: { ...books },
    })),
  }
}
