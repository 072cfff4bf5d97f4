import { reasonOf } from '../lib/reason.ts'
import { nobodyAt, type Transport } from './transport.ts'

/** HTTP: every message is one POST to the readings door. Topics do not travel, so it suits forms that name their device. */
export async function openHttpTransport(url: string, timeoutMs: number): Promise<Transport> {
  const target = new URL('/api/v1/readings', url)
  // Once before a whole fleet asks for nothing.
  try {
    await (
      await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(timeoutMs) })
    ).body?.cancel()
  } catch (error) {
    throw nobodyAt(url, error)
  }
  return {
    async send(_topic, body) {
      const headers = { 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(timeoutMs)
      let answer: Response
      try {
        answer = await fetch(target, { method: 'POST', headers, body, signal })
      } catch (error) {
        throw new Error(`no answer from ${url}: ${reasonOf(error)}`, { cause: error })
      }
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, 200)}`)
    },
    close: () => Promise.resolve(),
  }
}
