import { useSyncExternalStore } from 'react'
import { LiveConnection, type LinkState, retryDelayMs } from '../live/connection.ts'

/** The page's one live connection; main.tsx opens it. */
export const live = new LiveConnection({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
  retryMs: retryDelayMs,
  silenceMs: 15_000,
})

const watch = (watcher: () => void) => live.watch(watcher)

export function useLink(): LinkState {
  return useSyncExternalStore(watch, () => live.state)
}
