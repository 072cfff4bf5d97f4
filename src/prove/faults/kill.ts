import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import { killInCommit } from '../kill-in-commit.ts'

/** Longer than a start takes: so some kills of a start fall behind its end. */
const recoveryMs = 800

/** Whose commits it falls into: of the log, of a store (a process of its own, so the whole tree goes), of nothing in particular. */
const aims = ['log', 'store', undefined] as const

/**
 * kill -9 in the moment in which a commit is written, or at any, of the program alone or with everything it has started; in a third of the
 * cases the start after it is killed too.
 */
export const kill: Fault = {
  name: 'kill',
  async inject(server, random, signal) {
    const counts = { kills: 1, wholeTree: 0, inLogCommits: 0, inStoreCommits: 0, duringRecovery: 0 }
    const aim = aims[Math.floor(random() * aims.length)]
    const isWhole = random() < 0.5 || aim === 'store'
    if (isWhole) counts.wholeTree++
    // Looked up before: that takes longer than a commit.
    const pids = isWhole ? server.tree : [server.pid]
    if (aim !== undefined && (await killInCommit(server.data, aim, pids)))
      counts[aim === 'log' ? 'inLogCommits' : 'inStoreCommits']++
    await server.kill(pids)
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
