import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import type { OwnServer } from '../own-server.ts'
import { comesBack } from './comes-back.ts'

/** The whole server stands still for some seconds, as when its machine is suspended or has no memory left. */
export const freeze: Fault = {
  name: 'freeze',
  async inject(server, random, signal) {
    const violations = await frozen(server, 500 + random() * 3500, signal)
    return { counts: { freezes: 1 }, violations }
  },
}

/** Lets the whole server stand still for so long; returns what is wrong afterwards. */
export async function frozen(server: OwnServer, ms: number, signal: AbortSignal): Promise<string[]> {
  const { tree } = server
  server.signal('SIGSTOP', tree)
  await wait(ms, signal)
  server.signal('SIGCONT', tree)
  return await comesBack(server, `it stood still for ${Math.round(ms)} ms`, signal)
}
