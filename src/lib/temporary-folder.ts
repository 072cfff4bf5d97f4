import fs from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'

/** A folder for files that are made, handed out once and thrown away. */
export class TemporaryFolder {
  readonly #folder: string
  #next = 0

  /** Makes the folder, and removes what an earlier process left in it. It must be nobody else's. */
  constructor(folder: string) {
    this.#folder = path.resolve(folder)
    fs.rmSync(this.#folder, { recursive: true, force: true })
    fs.mkdirSync(this.#folder, { recursive: true })
  }

  /** A path for a new file; somebody else writes it. */
  file(extension: string): TemporaryFile {
    return new TemporaryFile(path.join(this.#folder, `${this.#next++}.${extension}`))
  }

  /** Bytes free on its disk. */
  free(): number {
    const { bavail, bsize } = fs.statfsSync(this.#folder)
    return bavail * bsize
  }
}

export class TemporaryFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Its bytes, for one reader. The name is gone at once, so nothing is left behind even if the process dies. */
  take(): { readonly bytes: number; readonly stream: Readable } {
    const fd = fs.openSync(this.path, 'r')
    this.remove()
    const stream = fs.createReadStream('', { fd, highWaterMark: 256 * 1024 })
    return { bytes: fs.fstatSync(fd).size, stream }
  }

  /** Removes it, if it is there. */
  remove(): void {
    fs.rmSync(this.path, { force: true })
  }
}
