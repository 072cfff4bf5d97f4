import { SluiceError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import { isApplied } from './applied.ts'
import type { RestParts } from './rest-parts.ts'

/** Whoever takes letters away, by a discard or a replay, does so alone: two at once would take the same letter twice. */
export class LetterTurn {
  readonly #parts: Pick<RestParts, 'intake' | 'passed'>
  #isTaken = false

  constructor(parts: Pick<RestParts, 'intake' | 'passed'>) {
    this.#parts = parts
  }

  /**
   * Runs the work while nobody else takes letters away, once the store has applied everything that was added before: letters that were
   * acknowledged a moment ago are found, and those that were taken away are not. `now` is where the log stands.
   * @throws SluiceError `busy`, or why nothing can be written.
   */
  async take<T>(gone: AbortSignal, work: (now: Position) => Promise<T>): Promise<T> {
    const { intake, passed } = this.#parts
    if (this.#isTaken)
      throw new SluiceError('busy', 'letters are being discarded or replayed by somebody else')
    this.#isTaken = true
    try {
      const code = intake.refusal()
      if (code !== undefined) throw new SluiceError(code, 'no letter can be discarded or replayed now')
      const { position } = await intake.durable()
      if (!(await isApplied(passed, 'dead-letters', position, gone)))
        throw new SluiceError('store-down', 'the store is too far behind: its letters are not all there')
      return await work(position)
    } finally {
      this.#isTaken = false
    }
  }
}
