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
    const now = new Map(this.#faults().map((fault) => [`${fault.code} ${fault.message}`, fault]))
    for (const [key, { code, message }] of now) {
      if (!this.#told.has(key)) this.#logger.error({ code }, message)
    }
    const broken = new Set([...now.values()].map(({ code, whose }) => `${code} ${whose}`))
    for (const { code, whose } of this.#told.values()) {
      if (!broken.has(`${code} ${whose}`)) this.#logger.info({ code }, `the books of ${whose} balance again`)
    }
    this.#told = now
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
