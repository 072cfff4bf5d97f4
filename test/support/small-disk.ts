import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

/** Why there is no disk to be filled; false where there is. It is the one thing here that takes root, which a hosted CI does not give. */
export function needsSmallDisk(): string | false {
  return process.platform === 'linux' && process.geteuid?.() === 0
    ? false
    : 'needs root, to mount a small tmpfs'
}

/** A disk in memory of so many bytes, mounted on a folder of its own until the test ends. */
export function smallDisk(t: TestContext, bytes: number): { folder: string; fill(): void; free(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  // Lazily: what a test has not closed must not keep it.
  t.after(() => {
    execFileSync('umount', ['-l', folder])
    rmdirSync(folder)
  })
  const ballast = path.join(folder, 'ballast')
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'w')
      const page = new Uint8Array(4096).fill(1)
      for (let pages = statfsSync(folder).bavail; pages > 0; pages--) writeSync(file, page)
      closeSync(file)
    },
    free: () => rmSync(ballast),
  }
}
