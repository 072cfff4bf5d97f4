import path from 'node:path'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { chunkBytes, chunksOf } from './chunks.ts'

/** The folder `damaged` of a log, for bytes that are taken out of its files. */
export class SetAside {
  /** Files that hold them, by their paths. */
  readonly files: string[] = []
  readonly #storage: Storage
  readonly #folder: string

  constructor(storage: Storage, folder: string) {
    this.#storage = storage
    this.#folder = path.join(folder, 'damaged')
  }

  /** Copies a part of a file, durably. One that was copied before is not copied again. */
  copy(file: string, offset: number, length: number): void {
    this.#storage.makeFolder(this.#folder)
    const from = this.#storage.open(file, 'read')
    try {
      this.#copy(from, `${path.basename(file)}@${offset}`, offset, length)
    } finally {
      from.close()
    }
    this.#storage.syncFolder(this.#folder)
  }

  #copy(from: StorageFile, name: string, offset: number, length: number): void {
    for (let attempt = 0; ; attempt++) {
      const file = path.join(this.#folder, attempt === 0 ? name : `${name}.${attempt}`)
      const isThere = this.#storage.list(this.#folder).includes(path.basename(file))
      if (isThere && !this.#isCopy(file, from, offset, length)) continue
      if (!isThere) this.#write(file, from, offset, length)
      this.files.push(file)
      return
    }
  }

  #write(file: string, from: StorageFile, offset: number, length: number): void {
    const to = this.#storage.open(file, 'create')
    try {
      for (const { at, bytes } of chunksOf(from, offset, length)) to.write([bytes], at)
      to.sync()
    } finally {
      to.close()
    }
  }

  /** True if a file holds just that part. One that a crash has cut short does not. */
  #isCopy(file: string, from: StorageFile, offset: number, length: number): boolean {
    const copy = this.#storage.open(file, 'read')
    try {
      if (copy.size() !== length) return false
      const there = Buffer.alloc(Math.min(chunkBytes, length))
      for (const { at, bytes } of chunksOf(from, offset, length)) {
        copy.read(there, at)
        if (!there.subarray(0, bytes.length).equals(bytes)) return false
      }
      return true
    } finally {
      copy.close()
    }
  }
}
