import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { SluiceError } from '../../core/errors.ts'
import { diskStorage } from '../../lib/storage.ts'
import { cutTornWal } from './torn-wal.ts'

export interface EngineOptions {
  readonly file: string
  readonly memoryLimitMb: number
  readonly threads: number
  /** Told of what had to be mended to open it. */
  readonly warn?: ((message: string) => void) | undefined
}

/**
 * Rows per row group. A transaction that fills at least one writes it compressed into the file at once and only notes it in the
 * write-ahead log; a smaller one is written twice. 32,768 is the smallest batch that the intake makes under load.
 */
export const rowGroupRows = 32_768

/** The name the file is attached under. */
const catalog = 'sluice'

/** The open database file: an in-memory instance that the file is attached to, because only ATTACH takes a row group size. */
export class Engine {
  readonly #instance: DuckDBInstance
  readonly #file: string
  readonly #connections = new Set<DuckDBConnection>()

  private constructor(instance: DuckDBInstance, file: string) {
    this.#instance = instance
    this.#file = file
  }

  /** @throws SluiceError `log-version` for a file of a newer engine, `store-down` for one that another process holds or that cannot be opened. */
  static async open(options: EngineOptions): Promise<Engine> {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryLimitMb}MB`,
      threads: String(options.threads),
      temp_directory: `${options.file}.tmp`,
      // A checkpoint compresses what the log holds; often and small keeps memory flat.
      checkpoint_threshold: '16MB',
      allocator_background_threads: 'true',
      allocator_flush_threshold: '4MB',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const engine = new Engine(instance, options.file)
    const connection = await instance.connect()
    try {
      await engine.#make(connection)
      await engine.#attachWhole(connection, options.warn)
    } catch (error) {
      instance.closeSync()
      throw openError(options.file, error)
    } finally {
      connection.closeSync()
    }
    return engine
  }

  async connect(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect()
    await connection.run(`USE ${catalog}`)
    this.#connections.add(connection)
    return connection
  }

  /**
   * Lets go of the file and takes it again. What the engine knows of every row group that was written or read stays in memory, about
   * 1 MB a million rows and outside its memory limit, until the file is let go; this takes some 50 ms. No transaction may be
   * open, and statements that were prepared before are void.
   */
  async reattach(): Promise<void> {
    const [first] = this.#connections
    if (first === undefined) return
    for (const connection of this.#connections) await connection.run('USE memory')
    await first.run(`DETACH DATABASE IF EXISTS ${catalog}`)
    await this.#attach(first)
    for (const connection of this.#connections) await connection.run(`USE ${catalog}`)
  }

  /** A file that is new is made under another name: one whose making was cut short, by a full disk or a kill, could never be opened again. */
  async #make(connection: DuckDBConnection): Promise<void> {
    const [folder, name] = [path.dirname(this.#file), path.basename(this.#file)]
    const making = `${name}.new`
    const names = diskStorage.list(folder)
    if (names.includes(name)) return
    for (const rest of names.filter((each) => each === making || each === `${making}.wal`))
      diskStorage.remove(path.join(folder, rest))
    const file = path.join(folder, making)
    await connection.run(attach(file, 'made'))
    await connection.run('DETACH DATABASE made')
    const made = diskStorage.open(file, 'write')
    try {
      made.sync()
    } finally {
      made.close()
    }
    diskStorage.rename(file, this.#file)
    diskStorage.syncFolder(folder)
  }

  async #attachWhole(connection: DuckDBConnection, warn: EngineOptions['warn']): Promise<void> {
    for (;;) {
      try {
        return await this.#attach(connection)
      } catch (error) {
        // Each time it becomes shorter.
        const done = cutTornWal(this.#file, error)
        if (done === undefined) throw error
        warn?.(done)
      }
    }
  }

  async #attach(connection: DuckDBConnection): Promise<void> {
    await connection.run(attach(this.#file, catalog))
  }

  close(): void {
    for (const connection of this.#connections) connection.closeSync()
    this.#connections.clear()
    this.#instance.closeSync()
  }
}

function attach(file: string, name: string): string {
  return `ATTACH '${file.replaceAll("'", "''")}' AS ${name} (ROW_GROUP_SIZE ${rowGroupRows})`
}

function openError(file: string, error: unknown): SluiceError {
  const message = error instanceof Error ? error.message : String(error)
  if (/version number|newer version|storage version/i.test(message)) {
    return new SluiceError('log-version', `${file} was written by a newer DuckDB`, error)
  }
  if (/(could not set|conflicting) lock/i.test(message)) {
    return new SluiceError('store-down', `${file} is held by another process`, error)
  }
  if (/corrupt|replaying WAL|read WAL/i.test(message)) {
    return new SluiceError(
      'store-down',
      `${file}, or ${path.basename(file)}.wal beside it, is damaged (${message.split('\n', 1)[0]}): put both back from one copy, or move both away; the store then begins anew with what the log still holds`,
      error,
    )
  }
  return new SluiceError('store-down', `${file} cannot be opened: ${message.split('\n', 1)[0]}`, error)
}
