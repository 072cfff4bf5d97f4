import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { OwnServerOptions } from '../own-server.ts'
import { SluiceError } from '../../core/errors.ts'
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

  /** The one that stands in an environment. */
  constructor(environment: Readonly<Record<string, string>>) {
    const { LD_PRELOAD, DISK_SHIM_CONTROL, DISK_SHIM_FOLDER, DISK_SHIM_UNDO } = environment
    if (!LD_PRELOAD || !DISK_SHIM_CONTROL || !DISK_SHIM_FOLDER || !DISK_SHIM_UNDO)
      throw new Error('no shim is in this environment')
    this.control = new ShimControl(DISK_SHIM_CONTROL)
    this.environment = { LD_PRELOAD, DISK_SHIM_CONTROL, DISK_SHIM_FOLDER, DISK_SHIM_UNDO }
    this.#folder = DISK_SHIM_FOLDER
    this.#undo = DISK_SHIM_UNDO
  }

  /** @param folder What lies below it is seen; made where it is missing. @param own A folder for itself, outside of that one and on the same file system. */
  static async create(folder: string, own: string): Promise<DiskShim> {
    const place = path.join(fs.realpathSync(path.dirname(own)), path.basename(own))
    // ld.so(8): LD_PRELOAD is separated by spaces and colons, without a way to write one, and $ begins a name.
    if (/[\s:$]/.test(place))
      throw new SluiceError(
        'bad-request',
        `${place}: faults of disk and clock need a folder without space, colon and $ in its path`,
      )
    fs.mkdirSync(path.join(place, 'undo'), { recursive: true })
    fs.mkdirSync(folder, { recursive: true })
    const library = path.join(place, 'disk-shim.so')
    const source = path.join(import.meta.dirname, 'disk-shim.c')
    await run('cc', ['-std=gnu11', '-O2', '-fPIC', '-shared', '-o', library, source, '-ldl', '-lpthread'])
    const control = path.join(place, 'control')
    ShimControl.create(control)
    return new DiskShim({
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
}

/** The server with a shim under it; the one that it has, if a fault before has asked for it. */
export async function withShim(server: OwnServerOptions): Promise<OwnServerOptions> {
  if (server.environment['DISK_SHIM_CONTROL'] !== undefined) return server
  const folder = fs.realpathSync(server.folder)
  const { environment } = await DiskShim.create(path.join(folder, 'data'), path.join(folder, 'shim'))
  return { ...server, folder, environment: { ...server.environment, ...environment } }
}

/** The shim that `withShim` has put under it. */
export function shimOf({ options }: { readonly options: OwnServerOptions }): DiskShim {
  return new DiskShim(options.environment)
}
