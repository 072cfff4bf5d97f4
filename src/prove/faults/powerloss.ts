import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import { losses } from '../disk-shim/undo.ts'
import type { Fault } from '../fault.ts'

/** kill -9 of everything at a random moment; then the files lose all or any part of what no sync had made certain. */
export const powerloss: Fault = {
  name: 'powerloss',
  unavailable: shimUnavailable,
  async prepare(server) {
    const prepared = await withShim(server)
    shimOf({ options: prepared }).control.keepsUndo = true
    return prepared
  },
  async inject(server, random, signal) {
    await server.kill()
    const loss = losses[Math.floor(random() * losses.length)] ?? 'all'
    const { unsynced, undone, names, namesUndone } = shimOf(server).losePower(loss, random)
    if (!signal.aborted) await server.start()
    const counts = { powerLosses: 1, unsyncedWrites: unsynced, writesLost: undone }
    return { counts: { ...counts, unsyncedNames: names, namesLost: namesUndone } }
  },
}
