import type { Fault } from '../fault.ts'

/** What `--faults` may name. */
export const faultTable: Readonly<Record<string, () => Promise<Fault>>> = {
  kill: async () => (await import('./kill.ts')).kill,
  term: async () => (await import('./term.ts')).term,
}
