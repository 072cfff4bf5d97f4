import { SluiceError } from '../../core/errors.ts'

/** Answers under way at once: each holds a piece of rows, and a slow reader holds its own for long. */
export class AnswerGate {
  readonly #max: number
  #inside = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Lets one more in. @throws SluiceError `busy` where all places are taken. Who entered leaves once. */
  enter(): void {
    if (this.#inside >= this.#max)
      throw new SluiceError('busy', `${this.#max} answers of this kind are under way`)
    this.#inside++
  }

  leave(): void {
    this.#inside--
  }
}
