/** A fixed scenario of the real program, run once for each of its calls and each fault: that call fails, and nothing is lost by it. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { type CallKind, callKinds, type DiskFault } from '../../src/prove/disk-shim/control.ts'
import { shimUnavailable } from '../../src/prove/disk-shim/disk-shim.ts'
import { faultedRun } from './every-call/faulted-run.ts'
import type { Outcome, Report } from './runner/proof.ts'

/** The kinds of calls that each fault concerns. */
const kindsOf: Readonly<Record<Action, readonly CallKind[]>> = {
  EIO: callKinds,
  ENOSPC: ['create', 'write', 'sync', 'truncate', 'rename', 'mkdir'],
  EMFILE: ['open-read', 'open-write', 'create'],
  short: ['write'],
  kill: ['open-write', 'create', 'write', 'sync', 'truncate', 'rename', 'unlink', 'mkdir'],
}
const actions = ['EIO', 'ENOSPC', 'EMFILE', 'short', 'kill'] as const
type Action = (typeof actions)[number] & DiskFault['action']

export const options = z
  .object({
    every: z.int().positive().default(1).describe('only every so many-th point'),
    from: z.int().min(0).default(0).describe('the first point'),
    to: z.int().min(0).default(1_000_000).describe('the point before which it ends'),
    most: z.int().positive().default(1_000_000).describe('so many points at most, evenly spread'),
    actions: z
      .string()
      .default(actions.join(','))
      .transform((text) => z.array(z.enum(actions)).parse(text.split(',')))
      .describe('what becomes of a call'),
  })
  .describe('each call of a fixed scenario fails in turn with EIO, ENOSPC, EMFILE, a short write, a kill')

interface Point {
  readonly action: Action
  /** Which call of the kinds that the fault concerns. */
  readonly nth: number
}

export async function run(
  { every, from, to, most, actions }: z.output<typeof options>,
  { seed, folder, note, signal }: Report,
): Promise<Outcome> {
  const why = await shimUnavailable()
  if (why !== undefined) return { n: 0, seen: {}, faults: [`it cannot be done here: ${why}`] }
  const runIn = (name: string, fault: DiskFault | undefined) => {
    const own = path.join(folder, name)
    mkdirSync(own)
    return faultedRun(own, fault, seed, signal)
  }
  const whole = await runIn('whole', undefined)
  const faults = whole.faults.map((fault) => `without a fault: ${fault}`)
  const all = actions.flatMap((action) => pointsOf(action, whole.calls))
  const points = spread(
    all.slice(from, to).filter((_, i) => i % every === 0),
    most,
  )
  note(`calls ${JSON.stringify(whole.calls)}: ${all.length} points, of which ${points.length} are run`)

  let hits = 0
  let acked = 0
  const endings: Record<string, number> = {}
  for (const [i, { action, nth }] of points.entries()) {
    if (signal.aborted) break
    const at = `${action}-${nth}`
    const result = await runIn(at, { kinds: kindsOf[action], action, from: nth, calls: 1 })
    note(`${i + 1}/${points.length} ${at} ${result.hit || 'was never reached'}: ${result.ending}`)
    if (result.hit !== '') {
      hits++
      endings[result.ending] = (endings[result.ending] ?? 0) + 1
    }
    acked += result.acked
    faults.push(...result.faults.map((fault) => `${at} (${result.hit}): ${fault}`))
  }
  return {
    n: hits,
    seen: { calls: whole.calls, points: all.length, run: points.length, hits, endings, acked },
    faults,
  }
}

/** Not the first of each part: every start begins with the same calls. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all
  return Array.from({ length: most }, (_, i) => Math.floor(((i + 0.5) * all.length) / most)).flatMap((at) =>
    all.slice(at, at + 1),
  )
}

function pointsOf(action: Action, calls: Readonly<Record<CallKind, number>>): Point[] {
  const count = kindsOf[action].reduce((sum, kind) => sum + calls[kind], 0)
  return Array.from({ length: count }, (_, i) => ({ action, nth: i + 1 }))
}
