import { systemClock } from '../../lib/clock.ts'
import { reasonOf } from '../../lib/reason.ts'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import { killInCommit } from '../kill-in-commit.ts'
import type { OwnServer } from '../own-server.ts'

/** What kills are aimed at, in turn: a commit of the log, a transaction of a store, nothing in particular. */
const aims = ['log', 'store', undefined] as const
/** How long a kill waits for what it is aimed at: the store may still be opening. */
const aimMs = 15_000
/** A start is killed at a random moment of about the time that starts take here. */
const firstStartMs = 500

/**
 * kill -9 in the moment in which a commit is written, or at any, of the program alone or with everything it has started. One start of so
 * many is killed too, now and then several times.
 */
export function killEvery(everyStart: number): Fault {
  let turn = 0
  let startMs = firstStartMs
  return {
    name: 'kill',
    async inject(server, random, signal) {
      const aim = aims[turn++ % aims.length]
      // The store's transactions are those of a process of its own. The tree is looked up before, because that takes longer than a commit.
      const isWhole = random() < 0.5 || aim === 'store'
      const pids = isWhole ? server.tree : [server.pid]
      const counts = {
        ...{ kills: 1, wholeTree: isWhole ? 1 : 0, inLogCommits: 0, inStoreCommits: 0 },
        ...{ duringRecovery: 0, afterRecovery: 0, failedStarts: 0 },
      }
      if (aim !== undefined && (await killInCommit(server.data, aim, pids, aimMs)))
        counts[aim === 'log' ? 'inLogCommits' : 'inStoreCommits']++
      await server.kill(pids)
      // Not always the one after the same aim.
      let isStartKilled = (turn + Math.floor(turn / aims.length)) % everyStart === 0
      while (isStartKilled && !signal.aborted) {
        const before = readyLines(server)
        await server.spawn()
        await wait(random() * startMs, signal)
        await server.kill()
        counts.kills++
        counts[readyLines(server) > before ? 'afterRecovery' : 'duringRecovery']++
        isStartKilled = random() < 1 / 3
      }
      if (signal.aborted) return { counts }
      // One that is on its way to its books must not be taken for one whose books are wrong.
      const violations: string[] = [...(server.output.match(/^.*"code":"books-.*$/m) ?? [])]
      const fromMs = systemClock.monotonicMs()
      try {
        await server.start()
      } catch (error) {
        counts.failedStarts++
        violations.push(`a start failed: ${reasonOf(error)}`)
        await server.kill()
        await server.start()
      }
      startMs = systemClock.monotonicMs() - fromMs
      return { counts, violations }
    },
  }
}

export const kill = killEvery(3)

function readyLines({ output }: OwnServer): number {
  return output.match(/^ready\b/gm)?.length ?? 0
}
