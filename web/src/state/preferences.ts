import type { Zone } from '../format/time.ts'
import { createPreference } from './preference.ts'

export const zonePreference = createPreference<Zone>('sluice.zone', ['local', 'utc'])

/** public/theme.js reads the same key before the first paint. */
export const themePreference = createPreference('sluice.theme', ['system', 'light', 'dark'], (theme) => {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
})

/** Calls back when the colours change, by choice or by the system. */
export function watchTheme(watcher: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', watcher)
  const unwatch = themePreference.watch(watcher)
  return () => {
    system.removeEventListener('change', watcher)
    unwatch()
  }
}
