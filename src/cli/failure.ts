import { SluiceError } from '../core/errors.ts'

/** What the shell is told: done, failed, or that the command, its options or the configuration are wrong. */
export const exitCode = { ok: 0, failed: 1, usage: 2 } as const

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): number {
  const isUsage =
    error instanceof SluiceError && (error.code === 'bad-request' || error.code === 'config-invalid')
  return isUsage ? exitCode.usage : exitCode.failed
}

/** A wrong command, in words that say what would be right. */
export function usage(message: string): SluiceError {
  return new SluiceError('bad-request', message)
}
