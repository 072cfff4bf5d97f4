import path from 'node:path'
import type { MemoryStorage } from '../support/memory-storage.ts'
import type { ProgramOptions } from './program.ts'
import { contentOf } from './simulated-files.ts'
import { must } from './violation.ts'

export interface FileRow {
  readonly number: number
  readonly value: number
}

/** What the file sink has written: what its files hold, and what stood in those that it has deleted to keep no more than it shall. */
export class FileRows {
  readonly #storage: MemoryStorage
  readonly #file: string
  readonly #options: Pick<ProgramOptions, 'rotateBytes' | 'rotateKeep'>
  /** By number: a power loss may bring a file back, which then goes again. */
  readonly #deleted = new Map<number, FileRow>()

  constructor(
    storage: MemoryStorage,
    file: string,
    options: Pick<ProgramOptions, 'rotateBytes' | 'rotateKeep'>,
  ) {
    this.#storage = storage
    this.#file = file
    this.#options = options
  }

  /** A file is about to be deleted: it must be the oldest of as many as are kept, with a full one that takes its place. */
  removes(removed: string): void {
    const { isStopped, fault } = this.#storage
    if (isStopped) return
    // What is made to fail are the calls of the product, not those of its judge.
    this.#storage.fault = undefined
    try {
      this.#judgeRemoval(removed)
    } finally {
      this.#storage.fault = fault
    }
  }

  #judgeRemoval(removed: string): void {
    const { rotateBytes, rotateKeep } = this.#options
    const rotated = this.#rotated()
    const what = () => `the file sink deletes ${path.basename(removed)} of ${rotated.join(', ')}`
    must(removed === `${this.#file}.${rotateKeep}` && rotated.length === rotateKeep, what)
    must(Buffer.byteLength(this.#contentOf(this.#file)) >= rotateBytes, what)
    for (const row of rowsOf(this.#contentOf(removed))) this.#deleted.set(row.number, row)
  }

  /** The oldest first. */
  all(): FileRow[] {
    const files = [...this.#rotated().map((n) => `${this.#file}.${n}`), this.#file]
    const kept = files.flatMap((each) => rowsOf(this.#contentOf(each)))
    const still = new Set(kept.map(({ number }) => number))
    const deleted = [...this.#deleted.values()].filter(({ number }) => !still.has(number))
    return [...deleted.toSorted((a, b) => a.number - b.number), ...kept]
  }

  /** Numbers of the rotated files, the oldest first. */
  #rotated(): number[] {
    const begin = `${path.basename(this.#file)}.`
    return this.#storage
      .list(path.dirname(this.#file))
      .filter((name) => name.startsWith(begin) && /^\d+$/.test(name.slice(begin.length)))
      .map((name) => Number(name.slice(begin.length)))
      .sort((a, b) => b - a)
  }

  #contentOf(file: string): string {
    const isThere = this.#storage.list(path.dirname(file)).includes(path.basename(file))
    return isThere ? contentOf(this.#storage, file) : ''
  }
}

function rowsOf(content: string): FileRow[] {
  return content
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      // as: what the file sink writes.
      const { seq, value, edit, from } = JSON.parse(line) as {
        seq: number
        value: number
        edit?: string
        from: number
      }
      return { number: seq, value: edit === undefined ? value : -Math.round(from * 1000) }
    })
}
