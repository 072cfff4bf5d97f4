import { useSyncExternalStore } from 'react'

/** A choice of the person at this browser, kept in its storage where that is allowed. */
export interface Preference<T extends string> {
  get(): T
  set(value: T): void
  watch(watcher: () => void): () => void
}

export function createPreference<T extends string>(
  key: string,
  values: readonly [T, ...T[]],
  changed?: (value: T) => void,
): Preference<T> {
  const watchers = new Set<() => void>()
  let value = values.find((candidate) => candidate === stored(key)) ?? values[0]
  return {
    get: () => value,
    set(next) {
      value = next
      try {
        localStorage.setItem(key, next)
      } catch {
        // Without storage the choice holds until the page is closed.
      }
      changed?.(next)
      for (const watcher of [...watchers]) watcher()
    },
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
  }
}

export function usePreference<T extends string>(preference: Preference<T>): T {
  return useSyncExternalStore(preference.watch, preference.get)
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
