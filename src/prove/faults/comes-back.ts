import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { OwnServer } from '../own-server.ts'

/** docs/delivery.md: intake goes on by itself; what the longest that it may take is. */
const backWithinMs = 5_000
const askEveryMs = 50
const answerMs = 2_000

/** Waits until the server takes records again by itself; returns what is wrong if it does not in time. */
export async function comesBack(
  server: OwnServer,
  after: string,
  signal: AbortSignal,
  withinMs = backWithinMs,
): Promise<string[]> {
  const untilMs = systemClock.monotonicMs() + withinMs
  while (!signal.aborted) {
    if (await isTaking(server)) return []
    if (!server.running)
      return [`${after}: the server has ended (${server.ending}):\n${server.output.slice(-2000)}`]
    if (systemClock.monotonicMs() > untilMs)
      return [`${after}: it takes no records ${withinMs / 1000} s after that`]
    await wait(askEveryMs, signal)
  }
  return []
}

/** Whether it says that it takes records. */
export async function isTaking(server: OwnServer): Promise<boolean> {
  try {
    await server.get('/health/ready', AbortSignal.timeout(answerMs))
    return true
  } catch {
    return false
  }
}

/** Stops and starts a server that says by itself that it takes nothing any more; returns what is wrong with that. */
export async function restart(server: OwnServer, after: string, signal: AbortSignal): Promise<string[]> {
  const { killed } = await server.terminate()
  if (!signal.aborted) await server.start()
  return killed ? [`${after}: SIGTERM did not end it`] : []
}
