import path from 'node:path'
import type { Storage, StorageFile } from '../../src/lib/storage.ts'
import { type Loss, MemoryFile } from './memory-file.ts'
import { MemoryFolder } from './memory-folder.ts'
import { below } from './random.ts'

export type StorageOperation =
  | 'open'
  | 'list'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'syncFolder'
  | 'free'
  | 'size'
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'close'

export interface StorageCall {
  readonly operation: StorageOperation
  /** The file or folder. */
  readonly file: string
  /** Counts the calls from 1. */
  readonly nth: number
}

export interface StorageFault {
  /** The system's error code; 'STOP' halts the machine here: every later call fails too, until power loss or kill. */
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES' | 'STOP'
  /** Of a write: this share (0 to 1) of the bytes goes through before it fails. Of others: 1 takes effect and fails nevertheless. */
  readonly done?: number
}

export interface MemoryStorageOptions {
  readonly random: () => number
  /** What a power loss keeps or loses as one. Small ones make small files tear in more ways. */
  readonly sectorBytes?: number
}

/** Calls that change what the disk holds. */
const changing: ReadonlySet<StorageOperation> = new Set([
  'open',
  'rename',
  'remove',
  'syncFolder',
  'write',
  'sync',
  'truncate',
])

/**
 * A disk in memory that forgets as a real one may: bytes not synced are lost or kept sector by sector, names not synced in their folder
 * come and go, a failed sync leaves its sectors in doubt for ever. Any call can be made to fail. Everything that is left to
 * chance comes from `random`, so a seed gives the same run again.
 *
 * One difference to a disk: the folder itself (`makeFolder`) is durable at once.
 */
export class MemoryStorage implements Storage {
  /** Bytes left. A write that does not fit fills the disk and fails with ENOSPC. */
  space = Number.POSITIVE_INFINITY
  /** Asked at every call; what it returns happens. */
  fault: ((call: StorageCall) => StorageFault | undefined) | undefined
  calls = 0
  /** Files opened and not closed. */
  openFiles = 0
  /** Every call that changes the disk, for tests that ask what was done. */
  readonly history: StorageCall[] = []
  readonly #random: () => number
  readonly #sectorBytes: number
  readonly #folders = new Map<string, MemoryFolder>()
  /** Counts power losses and kills: what was open before is closed. */
  #boots = 0
  #isStopped = false

  constructor({ random, sectorBytes = 512 }: MemoryStorageOptions) {
    this.#random = random
    this.#sectorBytes = sectorBytes
  }

  /** The `n`th call from now (1 is the next one), of `operation` if given, fails once. */
  failNth(n: number, fault: StorageFault, operation?: StorageOperation): void {
    let left = n
    this.fault = (call) => {
      if (operation !== undefined && call.operation !== operation) return undefined
      left--
      return left === 0 ? fault : undefined
    }
  }

  /** The machine stops at the `n`th call from now that changes the disk; part of a write goes through. */
  stopNth(n: number): void {
    let left = n
    this.fault = (call) => {
      if (!changing.has(call.operation)) return undefined
      left--
      return left > 0 ? undefined : { code: 'STOP', done: this.#random() }
    }
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** The process dies; the page cache stays. */
  kill(): void {
    this.#restart()
  }

  /** The machine dies, and with it what was not synced, or part of it. */
  losePower(loss?: Loss): void {
    this.#restart()
    const all: readonly Loss[] = ['none', 'all', 'prefix', 'random']
    const how = loss ?? all[below(this.#random, all.length)] ?? 'all'
    const files = new Set<MemoryFile>()
    for (const folder of this.#folders.values()) {
      for (const file of folder.names.values()) files.add(file)
      folder.losePower(() => (how === 'none' ? true : how === 'all' ? false : this.#random() < 0.5))
      for (const file of folder.names.values()) files.add(file)
    }
    for (const file of files) file.losePower(how, this.#random)
  }

  /** Flips the bits of a byte of a file, in what the disk holds. */
  rot(file: string, at: number, bits = 1): void {
    this.#lookUp(file).rot(at, bits)
  }

  open(file: string, mode: 'read' | 'write' | 'create'): StorageFile {
    const finish = this.#begin('open', file)
    const folder = this.#folder(path.dirname(file))
    const name = path.basename(file)
    let content = folder.names.get(name)
    if (mode === 'create') {
      if (content) throw systemError('EEXIST', 'open', file)
      content = new MemoryFile(this.#sectorBytes)
      folder.link(name, content)
    }
    if (!content) throw systemError('ENOENT', 'open', file)
    finish()
    this.openFiles++
    return this.#handle(file, content)
  }

  list(folder: string): string[] {
    this.#begin('list', folder)()
    return [...(this.#folders.get(folder)?.names.keys() ?? [])].sort()
  }

  makeFolder(folder: string): void {
    this.#begin('makeFolder', folder)()
    if (!this.#folders.has(folder)) this.#folders.set(folder, new MemoryFolder())
  }

  rename(from: string, to: string): void {
    const finish = this.#begin('rename', from)
    if (path.dirname(from) !== path.dirname(to)) throw systemError('EXDEV', 'rename', from)
    this.#folder(path.dirname(from)).rename(path.basename(from), path.basename(to), this.#lookUp(from))
    finish()
  }

  remove(file: string): void {
    const finish = this.#begin('remove', file)
    this.space += this.#lookUp(file).size
    this.#folder(path.dirname(file)).unlink(path.basename(file))
    finish()
  }

  syncFolder(folder: string): void {
    const names = this.#folder(folder)
    this.#begin('syncFolder', folder)()
    names.sync()
  }

  free(folder: string): number {
    this.#begin('free', folder)()
    return this.space
  }

  #handle(file: string, content: MemoryFile): StorageFile {
    const boot = this.#boots
    let isOpen = true
    const begin = (operation: StorageOperation, onFault?: () => void) => {
      if (!isOpen || boot !== this.#boots) throw systemError('EBADF', operation, file)
      return this.#begin(operation, file, onFault)
    }
    return {
      size: () => {
        begin('size')()
        return content.size
      },
      write: (parts, at) => {
        const finish = begin('write')
        const bytes = Buffer.concat(parts)
        const wanted = Math.round(bytes.length * finish.share)
        const room = Math.max(0, this.space + content.size - at)
        const length = Math.min(wanted, room)
        this.space -= Math.max(0, at + length - content.size)
        content.write(bytes.subarray(0, length), at)
        finish()
        if (length < wanted) throw systemError('ENOSPC', 'write', file)
      },
      read: (into, at) => {
        begin('read')()
        return content.read(into, at)
      },
      sync: () => {
        begin('sync', () => content.failSync())()
        content.sync()
      },
      truncate: (size) => {
        const finish = begin('truncate')
        this.space += content.size - size
        content.truncate(size)
        finish()
      },
      close: () => {
        isOpen = false
        if (boot === this.#boots) this.openFiles--
        this.#begin('close', file)()
      },
    }
  }

  /**
   * Counts the call and looks whether it shall fail. Where the call has an effect that may happen in part, it is done between
   * this and the call of what is returned, which throws the fault.
   */
  #begin(
    operation: StorageOperation,
    file: string,
    onFault?: () => void,
  ): (() => void) & { readonly share: number } {
    this.calls++
    if (this.#isStopped) throw systemError('EIO', operation, file)
    const call = { operation, file, nth: this.calls }
    if (changing.has(operation)) this.history.push(call)
    const fault = this.fault?.(call)
    if (!fault) return Object.assign(() => {}, { share: 1 })
    if (fault.code === 'STOP') this.#isStopped = true
    else onFault?.()
    const error = systemError(fault.code === 'STOP' ? 'EIO' : fault.code, operation, file)
    const share = fault.done ?? 0
    if (operation !== 'write' && share < 0.5) throw error
    const fail = () => {
      throw error
    }
    return Object.assign(fail, { share })
  }

  #restart(): void {
    this.#boots++
    this.#isStopped = false
    this.fault = undefined
    this.openFiles = 0
  }

  #folder(folder: string): MemoryFolder {
    const found = this.#folders.get(folder)
    if (!found) throw systemError('ENOENT', 'open', folder)
    return found
  }

  #lookUp(file: string): MemoryFile {
    const found = this.#folder(path.dirname(file)).names.get(path.basename(file))
    if (!found) throw systemError('ENOENT', 'open', file)
    return found
  }
}

function systemError(code: string, operation: string, file: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${file}'`), { code })
}

/** Lets `first` happen, and whatever call comes next fail with `then`. */
export function afterFault(first: MemoryStorage['fault'], then: StorageFault): MemoryStorage['fault'] {
  let hasHappened = false
  return (call) => {
    if (hasHappened) return then
    const fault = first?.(call)
    hasHappened = fault !== undefined
    return fault
  }
}
