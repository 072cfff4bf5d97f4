import fs from 'node:fs'
import path from 'node:path'

/** Memory pretending to be a disk: nothing measured on it says anything about durable. */
const memoryFileSystems: Readonly<Record<number, string>> = { 0x01021994: 'tmpfs', 0x858458f6: 'ramfs' }

/** An empty folder under bench/out (or where `--data` says) on a real disk. */
export function makeBenchFolder(name: string, parent = path.resolve(import.meta.dirname, '../out')): string {
  fs.mkdirSync(parent, { recursive: true })
  const memory = memoryFileSystems[fs.statfsSync(parent).type]
  if (memory !== undefined) throw new Error(`${parent} is on ${memory}: a bench needs a disk`)
  return fs.mkdtempSync(path.join(parent, `${name}-`))
}

export function removeBenchFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true })
}
