import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Loss } from '../disk-shim/undo.ts'
import type { Fault } from '../fault.ts'

/** Whose commits it falls into: of the log, of a store, of nothing in particular. */
const aims = ['.seg', '.duckdb', undefined] as const
const losses: readonly Loss[] = ['all', 'prefix', 'random']
/** How long a commit of that kind is waited for. */
const patienceMs = 1_000

/** kill -9 of everything; then the files lose all or any part of what no sync had made certain. */
export const powerloss: Fault = {
  name: 'powerloss',
  unavailable: shimUnavailable,
  async prepare(server) {
    const prepared = await withShim(server)
    shimOf({ options: prepared }).control.keepsUndo = true
    return prepared
  },
  async inject(server, random, signal) {
    const shim = shimOf(server)
    const { control } = shim
    const { tree } = server // the program may die before its stores
    const only = aims[Math.floor(random() * aims.length)]
    if (only !== undefined) {
      const kinds = ['create', 'write', 'sync', 'truncate', 'rename', 'unlink'] as const
      control.set({ kinds, action: 'kill', from: 1 + Math.floor(random() * 20), calls: 1, only })
      const untilMs = systemClock.monotonicMs() + patienceMs
      while (control.hits === 0 && systemClock.monotonicMs() < untilMs && !signal.aborted)
        await wait(2, signal)
    }
    await server.kill([...new Set([...server.tree, ...tree])])
    const inCommits = only === undefined ? 0 : control.hits
    control.clear()
    const loss = losses[Math.floor(random() * losses.length)] ?? 'all'
    const { unsynced, undone, names, namesUndone } = shim.losePower(loss, random)
    if (!signal.aborted) await server.start()
    const counts = { powerLosses: 1, inCommits, unsyncedWrites: unsynced, writesLost: undone }
    return { counts: { ...counts, unsyncedNames: names, namesLost: namesUndone } }
  },
}
