import type { DeadLetter } from '../../core/intake.ts'

/** Where a pipeline's refused rows go. `put` resolves when the letters are durable: only then may the position move past them. */
export interface Letters {
  put(letters: readonly DeadLetter[]): Promise<void>
}
