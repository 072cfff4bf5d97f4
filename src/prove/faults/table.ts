import type { Fault } from '../fault.ts'

/** What `--faults` may name. */
export const faultTable: Readonly<Record<string, () => Promise<Fault>>> = {
  kill: async () => (await import('./kill.ts')).kill,
  term: async () => (await import('./term.ts')).term,
  powerloss: async () => (await import('./powerloss.ts')).powerloss,
  diskfull: async () => (await import('./diskfull.ts')).diskfull,
  'store-down': async () => (await import('./store-down.ts')).storeDown,
  freeze: async () => (await import('./freeze.ts')).freeze,
  readonly: async () => (await import('./readonly.ts')).readonly,
  emfile: async () => (await import('./emfile.ts')).emfile,
  'sync-error': async () => (await import('./sync-error.ts')).syncError,
  clock: async () => (await import('./clock.ts')).clock,
  'two-processes': async () => (await import('./two-processes.ts')).twoProcesses,
}
