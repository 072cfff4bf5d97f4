import type { Logger } from 'pino'
import type { BooksFault } from '../api/books.ts'

const everyMs = 1_000

/**
 * Looks at the books again and again and writes a line when one of their identities breaks, differs in another way, or holds again: once a
 * change. /status and /metrics look for themselves.
 */
export class BooksWatch {
  readonly #faults: () => readonly BooksFault[]
  readonly #logger: Pick<Logger, 'error' | 'info'>
  readonly #timer: NodeJS.Timeout
  #told = new Map<string, BooksFault>()

  constructor(faults: () => readonly BooksFault[], logger: Pick<Logger, 'error' | 'info'>) {
    this.#faults = faults
    this.#logger = logger
    this.#timer = setInterval(() => this.look(), everyMs).unref()
  }

  look(): void {
    const now = new Map(this.#faults().map((fault) => [`${fault.code} ${fault.whose}`, fault]))
    for (const [key, { code, by, message }] of now) {
      if (this.#told.get(key)?.by !== by) this.#logger.error({ code }, message)
    }
    for (const [key, { code, whose }] of this.#told) {
      if (!now.has(key)) this.#logger.info({ code }, `the books of ${whose} balance again`)
    }
    this.#told = now
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
