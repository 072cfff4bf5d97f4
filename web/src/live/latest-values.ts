import type { Latest } from '../api/readings.ts'
import type { LiveRow } from './subscription.ts'

const none: readonly Latest[] = []

/**
 * The newest reading of every series that is on screen, by device. A snapshot of a device keeps its identity until one of its
 * series changes, so that only what changed is drawn again.
 */
export class LatestValues {
  readonly #devices = new Map<string, readonly Latest[]>()
  readonly #watchers = new Map<string, Set<() => void>>()

  /** Newest readings of a device, by metric. */
  of(device: string): readonly Latest[] {
    return this.#devices.get(device) ?? none
  }

  /** µs-exact times decide: an older reading never replaces a newer one, whichever way it came. */
  apply(rows: readonly (Latest | LiveRow)[]): void {
    const newest = new Map<string, Map<string, Latest>>()
    for (const row of rows) {
      let metrics = newest.get(row.device)
      if (metrics === undefined) newest.set(row.device, (metrics = new Map<string, Latest>()))
      const known = metrics.get(row.metric)
      if (known === undefined || known.time <= row.time) metrics.set(row.metric, row)
    }
    for (const [device, metrics] of newest) {
      const merged = merge(this.of(device), metrics)
      if (merged === undefined) continue
      this.#devices.set(device, merged)
      for (const watcher of [...(this.#watchers.get(device) ?? [])]) watcher()
    }
  }

  watch(device: string, watcher: () => void): () => void {
    let watchers = this.#watchers.get(device)
    if (watchers === undefined) this.#watchers.set(device, (watchers = new Set()))
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }
}

/** The rows of a device with what is newer; undefined where nothing is. */
function merge(rows: readonly Latest[], newer: Map<string, Latest>): readonly Latest[] | undefined {
  let changed = false
  const merged = rows.map((row) => {
    const candidate = newer.get(row.metric)
    newer.delete(row.metric)
    if (candidate === undefined || candidate.time < row.time) return row
    changed = true
    // A live frame names the unit only where the series has one by then.
    return candidate.unit === '' ? { ...candidate, unit: row.unit } : candidate
  })
  if (newer.size === 0) return changed ? merged : undefined
  return [...merged, ...newer.values()].sort((a, b) => (a.metric < b.metric ? -1 : 1))
}
