import path from 'node:path'
import type { StorageFile } from '../../src/lib/storage.ts'
import type { MemoryStorage } from '../support/memory-storage.ts'
import type { World } from './world.ts'

/** The calls of `node:fs/promises` that lib/append-file.ts makes, on a disk in memory: each happens when the world lets it. */
export class SimulatedFiles {
  readonly #world: World
  readonly #storage: MemoryStorage
  readonly #onRemove: (file: string) => void

  /** `onRemove` is told of a file just before it goes. */
  constructor(world: World, storage: MemoryStorage, onRemove: (file: string) => void) {
    this.#world = world
    this.#storage = storage
    this.#onRemove = onRemove
  }

  async open(file: string, flags: string): Promise<object> {
    if (flags === 'r') return this.#folder(file)
    const [storage, world] = [this.#storage, this.#world]
    const opened = await this.#happens(`open ${path.basename(file)}`, () => {
      const exists = storage.list(path.dirname(file)).includes(path.basename(file))
      const found = storage.open(file, exists ? 'write' : 'create')
      if (flags === 'w') found.truncate(0)
      return found
    })
    const write = (text: string) =>
      this.#happens(`write ${path.basename(file)}`, () => {
        const bytes = Buffer.from(text)
        opened.write([bytes], opened.size())
        return { bytesWritten: bytes.length }
      })
    return {
      write,
      writeFile: write,
      datasync: () => this.#happens(`sync ${path.basename(file)}`, () => opened.sync()),
      stat: () => this.#happens('stat', () => ({ size: opened.size() })),
      truncate: (bytes: number) =>
        this.#happens(`truncate ${path.basename(file)}`, () => opened.truncate(bytes)),
      close: () => world.happens('disk', 'close', () => closeQuietly(opened)),
    }
  }

  readFile(file: string): Promise<string> {
    return this.#happens(`read ${path.basename(file)}`, () => contentOf(this.#storage, file))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#happens(`rename ${path.basename(from)}`, () => this.#storage.rename(from, to))
  }

  remove(file: string): Promise<void> {
    return this.#happens(`remove ${path.basename(file)}`, () => {
      if (!this.#storage.list(path.dirname(file)).includes(path.basename(file))) return
      try {
        this.#onRemove(file)
      } catch (error) {
        this.#world.failure ??= error // who removes it would only try again
      }
      this.#storage.remove(file)
    })
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#happens('list', () => this.#storage.list(folder))
  }

  #folder(folder: string): object {
    return {
      sync: () => this.#happens('sync folder', () => this.#storage.syncFolder(folder)),
      close: () => Promise.resolve(),
    }
  }

  #happens<T>(what: string, act: () => T): Promise<T> {
    return this.#world.happens('disk', what, act)
  }
}

export function contentOf(storage: MemoryStorage, file: string): string {
  const opened = storage.open(file, 'read')
  const bytes = Buffer.alloc(opened.size())
  opened.read(bytes, 0)
  opened.close()
  return bytes.toString('utf8')
}

function closeQuietly(file: StorageFile): void {
  try {
    file.close()
  } catch {
    // The machine has stopped: nobody hears of it.
  }
}
