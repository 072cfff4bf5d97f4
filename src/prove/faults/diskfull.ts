import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Fault } from '../fault.ts'
import { comesBack } from './comes-back.ts'

/** For some seconds nothing can be written in the data folder, and its disk says that it is full. */
export const diskfull: Fault = {
  name: 'diskfull',
  unavailable: shimUnavailable,
  prepare: withShim,
  async inject(server, random, signal) {
    const { control } = shimOf(server)
    control.hasNoSpace = true
    control.set({ kinds: ['create', 'write', 'mkdir'], action: 'ENOSPC', from: 1 })
    await wait(500 + random() * 2500, signal)
    control.clear()
    control.hasNoSpace = false
    const violations = await comesBack(server, 'the disk was full', signal)
    return { counts: { fullDisks: 1, callsFailed: control.hits }, violations }
  },
}
