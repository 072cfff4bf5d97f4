import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { PaperLog } from '../../support/duckdb-store.ts'
import type { Files } from './damages.ts'
import type { Image } from './image-storage.ts'
import { readFolder, type SideEnd, writeFolder } from './side-files.ts'
import { openStoreFile, storeDevice } from './store-file.ts'

const run = promisify(execFile)
const program = path.join(import.meta.dirname, 'read-store.ts')
const name = 'store.duckdb'

/** The file of a store after a close and after a kill, with its write-ahead log, and what it held after every write. */
export interface StoreImages {
  readonly log: string
  readonly images: readonly Image[]
  readonly held: ReadonlySet<string>
}

export async function storeImages(folder: string): Promise<StoreImages> {
  const log = new PaperLog()
  const held = new Set<string>()
  writeFolder(folder, new Map())
  const file = path.join(folder, name)
  let store = await openStoreFile(file)
  const copies: Image[] = [readFolder(folder)]
  for (let i = 0; i < 6; i++) {
    const rows = Array.from({ length: 500 }, (_, k) => ({
      device: storeDevice,
      metric: `m${k % 5}`,
      time: i * 1e6 + k,
      value: Math.sin(i * 500 + k),
    }))
    await log.put(store, rows)
    copies.push(readFolder(folder))
    if (i !== 2) continue
    // What comes before stands in the file, what follows in its log.
    await store.close()
    store = await openStoreFile(file)
  }
  const killed = copies.at(-1) ?? new Map()
  await store.close()
  const closed = readFolder(folder)
  for (const copy of [...copies, closed]) {
    writeFolder(folder, new Map(copy))
    held.add((await read(folder, log.id)).trim())
  }
  return { log: log.id, images: [closed, killed], held }
}

/** Opens damaged files as the process of a store does. */
export async function checkStore(folder: string, { log, held }: StoreImages, files: Files): Promise<SideEnd> {
  writeFolder(folder, files)
  try {
    const holding = (await read(folder, log)).trim()
    return held.has(holding) ? 'harmless' : { fault: `it holds ${holding}` }
  } catch (error) {
    const isHung = error instanceof Error && 'killed' in error && error.killed === true
    return isHung ? { fault: 'it does not open within a minute, and does not say why' } : 'found'
  }
}

async function read(folder: string, log: string): Promise<string> {
  const { stdout } = await run(process.execPath, [program, path.join(folder, name), log], { timeout: 60_000 })
  fs.rmSync(path.join(folder, `${name}.tmp`), { recursive: true, force: true })
  return stdout
}
