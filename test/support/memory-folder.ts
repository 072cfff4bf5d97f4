import type { MemoryFile } from './memory-file.ts'

type Change = (names: Map<string, MemoryFile>) => void

/** The names in a folder: each change since the last sync of the folder may or may not survive a power loss, by itself. */
export class MemoryFolder {
  readonly names = new Map<string, MemoryFile>()
  /** What the disk holds, and the changes since in order. */
  readonly #disk = new Map<string, MemoryFile>()
  #changes: Change[] = []

  link(name: string, file: MemoryFile): void {
    this.#change((names) => names.set(name, file))
  }

  unlink(name: string): void {
    this.#change((names) => names.delete(name))
  }

  /** One change: after a power loss the file has either name and never none. */
  rename(from: string, to: string, file: MemoryFile): void {
    this.#change((names) => {
      if (names.get(from) === file) names.delete(from)
      names.set(to, file)
    })
  }

  sync(): void {
    for (const change of this.#changes) change(this.#disk)
    this.#changes = []
  }

  /** `survives` is asked for every change that is not certain. */
  losePower(survives: () => boolean): void {
    for (const change of this.#changes) if (survives()) change(this.#disk)
    this.#changes = []
    this.names.clear()
    for (const [name, file] of this.#disk) this.names.set(name, file)
  }

  #change(change: Change): void {
    change(this.names)
    this.#changes.push(change)
  }
}
