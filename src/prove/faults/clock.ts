import { wait } from '../../lib/wait.ts'
import { shimOf, shimUnavailable, withShim } from '../disk-shim/disk-shim.ts'
import type { Fault } from '../fault.ts'
import { comesBack } from './comes-back.ts'

const hourMs = 3_600_000

/** The time of day jumps by hours, forward and back, and at the end to where it was. */
export const clock: Fault = {
  name: 'clock',
  unavailable: shimUnavailable,
  prepare: withShim,
  async inject(server, random, signal) {
    const { control } = shimOf(server)
    const jumps = 1 + Math.floor(random() * 3)
    for (let jump = 0; jump < jumps; jump++) {
      control.clockOffsetMs = (random() * 2 - 1) * 48 * hourMs
      await wait(300 + random() * 700, signal)
    }
    control.clockOffsetMs = 0
    const violations = await comesBack(server, 'the clock jumped', signal)
    return { counts: { clockJumps: jumps + 1 }, violations }
  },
}
