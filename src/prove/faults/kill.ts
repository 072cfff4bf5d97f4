import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'

/** Longer than a start takes: so some kills of a start fall behind its end. */
const recoveryMs = 800

/** kill -9 at a random moment, of the program alone or with everything it has started; in a third of the cases the start after it is killed too. */
export const kill: Fault = {
  name: 'kill',
  async inject(server, random, signal) {
    const counts = { kills: 0, wholeTree: 0, duringRecovery: 0 }
    const isWhole = random() < 0.5
    await server.kill(isWhole ? server.tree : [server.pid])
    counts.kills++
    if (isWhole) counts.wholeTree++
    while (random() < 1 / 3 && !signal.aborted) {
      const untilMs = systemClock.monotonicMs() + random() * recoveryMs
      await server.spawn()
      await wait(Math.max(0, untilMs - systemClock.monotonicMs()), signal)
      await server.kill()
      counts.kills++
      counts.duringRecovery++
    }
    if (!signal.aborted) await server.start()
    return { counts }
  },
}
