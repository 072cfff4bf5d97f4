import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'

/** Why there can be none here, or undefined. */
export function smallDiskMissing(): string | undefined {
  return process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'needs root on Linux'
}

/** A disk of its own that can be filled to the last byte. */
export class SmallDisk {
  readonly folder: string

  constructor(folder: string, megabytes: number) {
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
    this.folder = folder
  }

  fill(): void {
    const file = openSync(this.#ballast, 'w')
    try {
      for (let size = 1 << 20; size > 0; size >>= 1) {
        const bytes = Buffer.alloc(size)
        try {
          while (writeSync(file, bytes) === size);
        } catch {} // no more fits: half as much may
      }
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  remove(): void {
    // Lazily: what has not ended yet must not keep it.
    execFileSync('umount', ['-l', this.folder])
  }

  get #ballast(): string {
    return path.join(this.folder, 'ballast')
  }
}
