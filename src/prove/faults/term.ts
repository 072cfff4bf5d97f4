import type { Fault } from '../fault.ts'

/** docs/delivery.md: how long a stop may take. */
const stopMs = 10_000

/** SIGTERM under load: it must stop in order, within ten seconds. */
export const term: Fault = {
  name: 'term',
  async inject(server, _random, signal) {
    const { code, signal: killedBy, tookMs } = await server.terminate()
    const violations: string[] = []
    if (code !== 0) violations.push(`SIGTERM: it ended with ${code ?? killedBy}, not with 0`)
    if (tookMs > stopMs) violations.push(`SIGTERM: it took ${Math.round(tookMs)} ms to stop`)
    if (!signal.aborted) await server.start()
    return { counts: { terms: 1 }, violations }
  },
}
