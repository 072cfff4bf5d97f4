import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Fault } from '../fault.ts'
import { comesBack, isTaking, restart } from './comes-back.ts'

/** How long the fleet may take to cause the syncs that fail. */
const patienceMs = 5_000
/** Until the state of the log is told. */
const toldMs = 1_000

/** A sync of the log fails: the commit goes into a new segment. Or two in a row: then the log is read-only until a restart. */
export const syncError: Fault = {
  name: 'sync-error',
  unavailable: shimUnavailable,
  prepare: withShim,
  async inject(server, random, signal) {
    const { control } = shimOf(server)
    const calls = random() < 0.7 ? 1 : 2
    const from = 1 + Math.floor(random() * 20)
    control.set({ kinds: ['sync'], action: 'EIO', from, calls, only: '.seg' })
    const untilMs = systemClock.monotonicMs() + patienceMs
    while (control.hits < calls && systemClock.monotonicMs() < untilMs && !signal.aborted)
      await wait(20, signal)
    const { hits } = control
    control.clear()
    const counts = { failedSyncs: hits }
    if (hits < 2) return { counts, violations: await comesBack(server, 'a sync failed', signal) }
    await wait(toldMs, signal)
    if (signal.aborted || (await isTaking(server))) return { counts }
    const violations = await restart(server, 'two syncs in a row failed', signal)
    return { counts: { ...counts, restarts: 1 }, violations }
  },
}
