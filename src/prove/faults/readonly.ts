import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Fault } from '../fault.ts'
import { isTaking, restart } from './comes-back.ts'

/** For some seconds the file system is read-only, as after an error that it has found itself. The log then stays so until a restart. */
export const readonly: Fault = {
  name: 'readonly',
  unavailable: shimUnavailable,
  prepare: withShim,
  async inject(server, random, signal) {
    const { control } = shimOf(server)
    const kinds = ['open-write', 'create', 'write', 'truncate', 'rename', 'unlink', 'mkdir'] as const
    control.set({ kinds, action: 'EROFS', from: 1 })
    await wait(500 + random() * 2500, signal)
    control.clear()
    const counts = { readOnly: 1, callsFailed: control.hits }
    if (signal.aborted || (await isTaking(server))) return { counts }
    const violations = await restart(server, 'the file system was read-only', signal)
    return { counts: { ...counts, restarts: 1 }, violations }
  },
}
