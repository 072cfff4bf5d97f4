import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Fault } from '../fault.ts'
import type { OwnServer } from '../own-server.ts'
import { comesBack } from './comes-back.ts'

const hourMs = 3_600_000
/** Under load each process reads the time of day far more often. */
const readWithinMs = 10_000

/** The time of day jumps by hours, forward and back, and at the end to where it was. */
export const clock: Fault = {
  name: 'clock',
  unavailable: shimUnavailable,
  prepare: withShim,
  async inject(server, random, signal) {
    const { control } = shimOf(server)
    const violations: string[] = []
    let moved = 0
    const jumps = 1 + Math.floor(random() * 3)
    for (let jump = 0; jump < jumps; jump++) {
      control.clockOffsetMs = (random() * 2 - 1) * 48 * hourMs
      await wait(300 + random() * 700, signal)
      if (jump > 0) continue
      const { reached, missed } = await readers(server, signal)
      moved += reached
      violations.push(...missed.map((pid) => `the clock has not jumped for process ${pid}`))
    }
    control.clockOffsetMs = 0
    violations.push(...(await comesBack(server, 'the clock jumped', signal)))
    return { counts: { clockJumps: jumps + 1, processesMoved: moved }, violations }
  },
}

/** How many processes of the server have read the moved time, and which have not. */
async function readers(server: OwnServer, signal: AbortSignal) {
  const untilMs = systemClock.monotonicMs() + readWithinMs
  for (;;) {
    const seen = new Set(shimOf(server).control.clockReaders)
    const { tree } = server
    const missed = tree.filter((pid) => !seen.has(pid))
    const isLate = systemClock.monotonicMs() > untilMs
    if (missed.length === 0 || isLate || signal.aborted)
      return { reached: tree.length - missed.length, missed: isLate ? missed : [] }
    await wait(50, signal)
  }
}
