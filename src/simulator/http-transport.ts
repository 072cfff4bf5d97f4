import type { Transport } from './transport.ts'

/** HTTP: every message is one POST to the readings door. Topics do not travel, so it suits forms that name their device. */
export function createHttpTransport(url: string, timeoutMs: number): Transport {
  const target = new URL('/api/v1/readings', url)
  return {
    async send(_topic, body) {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(target, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, 200)}`)
    },
    close: () => Promise.resolve(),
  }
}
