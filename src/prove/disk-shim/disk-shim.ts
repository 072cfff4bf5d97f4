import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { OwnServerOptions } from '../own-server.ts'
import { ShimControl } from './control.ts'
import { type Loss, losePower } from './undo.ts'

const run = promisify(execFile)

/** Why there can be no shim here, or undefined. */
export async function shimUnavailable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux (LD_PRELOAD)'
  try {
    await run('cc', ['--version'])
    return undefined
  } catch {
    return 'it needs a C compiler called cc'
  }
}

/**
 * A disk and a clock for one server that fail when they are told to: a small library (disk-shim.c), compiled into the run's folder and
 * loaded into every process of the server.
 */
export class DiskShim {
  readonly control: ShimControl
  /** What a process needs in its environment to be under it. */
  readonly environment: Readonly<Record<string, string>>
  readonly #folder: string
  readonly #undo: string

  private constructor(control: ShimControl, environment: Readonly<Record<string, string>>) {
    this.control = control
    this.environment = environment
    this.#folder = environment['DISK_SHIM_FOLDER'] ?? ''
    this.#undo = environment['DISK_SHIM_UNDO'] ?? ''
  }

  /** @param folder What lies below it is seen. @param own A folder for itself, outside of that one and on the same file system. */
  static async create(folder: string, own: string): Promise<DiskShim> {
    fs.mkdirSync(path.join(own, 'undo'), { recursive: true })
    const place = fs.realpathSync(own)
    const library = path.join(place, 'disk-shim.so')
    const source = path.join(import.meta.dirname, 'disk-shim.c')
    await run('cc', ['-std=gnu11', '-O2', '-fPIC', '-shared', '-o', library, source, '-ldl', '-lpthread'])
    const control = path.join(place, 'control')
    return new DiskShim(ShimControl.create(control), {
      LD_PRELOAD: library,
      DISK_SHIM_CONTROL: control,
      DISK_SHIM_FOLDER: fs.realpathSync(folder),
      DISK_SHIM_UNDO: path.join(place, 'undo'),
    })
  }

  /** What the disk was left with when the power went; everything that had the files open must have been killed. Nothing is unsynced then. */
  losePower(loss: Loss, random: () => number): ReturnType<typeof losePower> {
    return losePower({ folder: this.#folder, undo: this.#undo }, loss, random)
  }

  close(): void {
    this.control.clear()
    this.control.close()
  }
}

/** The shims of servers, by the folders of those: several faults use the same one. */
const shims = new Map<string, DiskShim>()

/** The server with a shim under it; the same one if a fault before has asked. */
export async function withShim(server: OwnServerOptions): Promise<OwnServerOptions> {
  const folder = fs.realpathSync(server.folder)
  const data = path.join(folder, 'data')
  fs.mkdirSync(data, { recursive: true })
  const shim = shims.get(folder) ?? (await DiskShim.create(data, path.join(folder, 'shim')))
  shims.set(folder, shim)
  return { ...server, folder, environment: { ...server.environment, ...shim.environment } }
}

/** The shim that `withShim` has put under it. */
export function shimOf(server: { readonly options: OwnServerOptions }): DiskShim {
  const shim = shims.get(server.options.folder)
  if (shim === undefined) throw new Error('no shim was put under this server')
  return shim
}
