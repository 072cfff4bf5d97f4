import path from 'node:path'
import type { Storage, StorageFile } from '../../../src/lib/storage.ts'

/** Files of one folder and what they hold. */
export type Image = ReadonlyMap<string, Buffer>

/** A disk in memory that starts as an image, for thousands of starts a second. It fails at nothing. */
export class ImageStorage implements Storage {
  readonly #files: Map<string, { bytes: Buffer }>

  constructor(folder: string, image: Image) {
    this.#files = new Map([...image].map(([name, bytes]) => [path.join(folder, name), { bytes }]))
  }

  open(file: string, mode: 'read' | 'write' | 'create'): StorageFile {
    if (mode === 'create' && this.#files.has(file)) throw systemError('EEXIST', file)
    if (mode === 'create') this.#files.set(file, { bytes: Buffer.alloc(0) })
    const content = this.#files.get(file)
    if (!content) throw systemError('ENOENT', file)
    return {
      size: () => content.bytes.length,
      read: (into, at) => content.bytes.copy(into, 0, at, at + into.length),
      write(parts, at) {
        const written = Buffer.concat(parts)
        // A copy: the image is the next one's too.
        const bytes = Buffer.alloc(Math.max(content.bytes.length, at + written.length))
        content.bytes.copy(bytes)
        written.copy(bytes, at)
        content.bytes = bytes
      },
      truncate(size) {
        const bytes = Buffer.alloc(size)
        content.bytes.copy(bytes)
        content.bytes = bytes
      },
      sync() {},
      close() {},
    }
  }

  list(folder: string): string[] {
    const files = [...this.#files.keys()].filter((file) => path.dirname(file) === folder)
    return files.map((file) => path.basename(file)).sort()
  }

  rename(from: string, to: string): void {
    const content = this.#files.get(from)
    if (!content) throw systemError('ENOENT', from)
    this.#files.delete(from)
    this.#files.set(to, content)
  }

  remove(file: string): void {
    if (!this.#files.delete(file)) throw systemError('ENOENT', file)
  }

  makeFolder(): void {}
  syncFolder(): void {}

  free(): number {
    return Number.MAX_SAFE_INTEGER
  }
}

function systemError(code: string, file: string): Error {
  return Object.assign(new Error(`${code}: '${file}'`), { code })
}
