import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { SluiceError } from '../../core/errors.ts'

export interface EngineOptions {
  readonly file: string
  readonly memoryLimitMb: number
  readonly threads: number
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
      await engine.#attach(connection)
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

  async #attach(connection: DuckDBConnection): Promise<void> {
    const file = this.#file.replaceAll("'", "''")
    await connection.run(`ATTACH '${file}' AS ${catalog} (ROW_GROUP_SIZE ${rowGroupRows})`)
  }

  close(): void {
    for (const connection of this.#connections) connection.closeSync()
    this.#connections.clear()
    this.#instance.closeSync()
  }
}

function openError(file: string, error: unknown): SluiceError {
  const message = error instanceof Error ? error.message : String(error)
  if (/version number|newer version|storage version/i.test(message)) {
    return new SluiceError('log-version', `${file} was written by a newer DuckDB`, error)
  }
  if (/lock/i.test(message)) {
    return new SluiceError('store-down', `${file} is held by another process`, error)
  }
  return new SluiceError('store-down', `${file} cannot be opened: ${message.split('\n', 1)[0]}`, error)
}
