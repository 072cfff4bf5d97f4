import fs from 'node:fs'

export interface LineWriterOptions {
  /** Lines wait up to so many bytes in all; those beyond are lost, and counted. */
  readonly maxWaitingBytes?: number
  readonly retryMs?: number
  /** The line that tells of lines that were lost. */
  lost(count: number): string
}

/**
 * Writes lines to a descriptor such as standard error, at once and in order, and never fails or waits: while nothing can be written (a full
 * disk, a reader that is slow or gone) lines wait in memory, up to a bound; what is lost is told once writing works again.
 */
export class LineWriter {
  readonly #fd: number
  readonly #options: LineWriterOptions
  readonly #maxWaitingBytes: number
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #lost = 0
  #retry: NodeJS.Timeout | undefined

  constructor(fd: number, options: LineWriterOptions) {
    this.#fd = fd
    this.#options = options
    this.#maxWaitingBytes = options.maxWaitingBytes ?? 256 * 1024
    // Node makes a pipe or socket non-blocking when it opens its stream: a reader that takes nothing must not hold us.
    const stream = fd === 1 ? process.stdout : fd === 2 ? process.stderr : undefined
    stream?.on('error', () => undefined)
    process.on('exit', () => this.#flush())
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#lost > 0 || this.#waitingBytes + bytes.length > this.#maxWaitingBytes) this.#lost++
    else this.#wait(bytes)
    // Where writing does not work, the timer tries again: a line costs next to nothing then.
    if (this.#retry === undefined) this.#flush()
  }

  #wait(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  #flush(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    try {
      while (this.#waiting.length > 0 || this.#lost > 0) {
        if (this.#waiting.length === 0) this.#tellLost()
        this.#writeSome()
      }
    } catch {
      this.#retry = setTimeout(() => this.#flush(), this.#options.retryMs ?? 200).unref()
    }
  }

  /** The lines before the lost ones are written: this is their place. */
  #tellLost(): void {
    this.#wait(Buffer.from(this.#options.lost(this.#lost)))
    this.#lost = 0
  }

  /** One system call; what it leaves of a line waits. */
  #writeSome(): void {
    const [first] = this.#waiting
    if (first === undefined) return
    const written = fs.writeSync(this.#fd, first)
    this.#waitingBytes -= written
    if (written < first.length) this.#waiting[0] = first.subarray(written)
    else this.#waiting.shift()
  }
}
