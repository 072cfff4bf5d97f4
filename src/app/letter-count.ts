import { heldLetters } from '../api/rest/held-letters.ts'
import { wait } from '../lib/wait.ts'

const againMs = 1_000

/** Counts the letters of each device after a start, as soon as the store can be asked. Returns what stops it. */
export function countLetters(parts: Parameters<typeof heldLetters>[0]): () => Promise<void> {
  const stopping = new AbortController()
  const counting = count(parts, stopping.signal)
  return () => {
    stopping.abort()
    return counting
  }
}

async function count(parts: Parameters<typeof heldLetters>[0], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const held = await heldLetters(parts, signal).catch(() => undefined)
    if (held !== undefined) return
    await wait(againMs, signal)
  }
}
