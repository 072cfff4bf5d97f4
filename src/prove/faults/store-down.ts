import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import type { OwnServer } from '../own-server.ts'
import { isTaking } from './comes-back.ts'

/** A store that was killed again and again is tried ever more slowly, up to every ten seconds. */
const openWithinMs = 30_000

/** The stores' processes stand still, or are killed again and again, for some seconds; intake must not notice. */
export const storeDown: Fault = {
  name: 'store-down',
  async inject(server, random, signal) {
    const ms = 500 + random() * 3500
    const isStill = random() < 0.5
    const untilMs = systemClock.monotonicMs() + ms
    let kills = 0
    const pids = server.storePids
    if (isStill) {
      server.signal('SIGSTOP', pids)
      await wait(ms, signal)
    }
    while (!isStill && systemClock.monotonicMs() < untilMs && !signal.aborted) {
      const running = server.storePids
      server.signal('SIGKILL', running)
      kills += running.length
      await wait(50, signal)
    }
    const violations = (await isTaking(server)) ? [] : ['a store is down: intake does not go on']
    if (isStill) server.signal('SIGCONT', pids)
    await storesOpen(server, signal, violations)
    return { counts: { storesStill: isStill ? pids.length : 0, storesKilled: kills }, violations }
  },
}

async function storesOpen(server: OwnServer, signal: AbortSignal, violations: string[]): Promise<void> {
  const untilMs = systemClock.monotonicMs() + openWithinMs
  for (;;) {
    const { database } = (await server.get('/health/ready')) as { database?: boolean } // as: its own answer
    if (database === true || signal.aborted) return
    if (systemClock.monotonicMs() > untilMs) break
    await wait(100, signal)
  }
  violations.push(`a store was down: it is not back after ${openWithinMs / 1000} s`)
}
