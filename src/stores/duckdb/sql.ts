import {
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBValue,
} from '@duckdb/node-api'

/**
 * One connection and its statements. Texts from outside always travel as parameters; numbers may stand in the SQL itself (`int`),
 * because a bound bigint is a HUGEINT to the engine and would keep it from using the zone maps of a BIGINT column.
 */
export class Sql {
  readonly connection: DuckDBConnection
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()

  constructor(connection: DuckDBConnection) {
    this.connection = connection
  }

  /** Runs a statement; returns how many rows it changed. */
  async run(sql: string, values?: DuckDBValue[]): Promise<number> {
    return (await this.connection.run(sql, values)).rowsChanged
  }

  /** Runs a statement that comes again and again, prepared once. */
  async runPrepared(sql: string, values: DuckDBValue[]): Promise<number> {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = await this.connection.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    statement.bind(values)
    return (await statement.run()).rowsChanged
  }

  /** Prepared statements name a catalog that is gone. */
  forgetPrepared(): void {
    for (const statement of this.#prepared.values()) statement.destroySync()
    this.#prepared.clear()
  }

  async rows(sql: string, values?: DuckDBValue[]): Promise<DuckDBValue[][]> {
    return (await this.connection.run(sql, values)).getRows()
  }

  /**
   * Runs the work between BEGIN and COMMIT; an error undoes it all. Where COMMIT itself fails, `isMade` is asked, if given, whether it was made
   * nevertheless.
   */
  async transaction<T>(work: () => Promise<T>, isMade?: () => Promise<boolean>): Promise<T> {
    let result: { readonly of: T } | undefined
    try {
      await this.connection.run('BEGIN') // it may have begun though it failed
      result = { of: await work() }
      await this.connection.run('COMMIT')
      return result.of
    } catch (error) {
      await this.connection.run('ROLLBACK').catch(() => {}) // the engine may have ended the transaction itself
      if (result !== undefined && (await isMade?.().catch(() => false))) return result.of
      throw error
    }
  }
}

/** A whole number as SQL text. */
export function int(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new RangeError(`not a whole number: ${value}`)
  return String(value)
}

/** A time bound as SQL text: clamped to what the engine's BIGINT holds, ±Infinity included. */
export function timeBound(micros: number): string {
  const limit = Number.MAX_SAFE_INTEGER
  return int(Math.ceil(Math.min(limit, Math.max(-limit, micros))))
}

/** Checked reads of result cells. */
export function toNumber(value: DuckDBValue | undefined): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  throw new TypeError(`expected a number, got ${typeof value}`)
}

export function toBigint(value: DuckDBValue | undefined): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return BigInt(value)
  throw new TypeError(`expected a whole number, got ${typeof value}`)
}

/**
 * A text from outside, to stand in a SELECT list and be read by `toText`. As VARCHAR the engine's binding would take a byte order mark
 * away from its beginning, and one name would become another.
 */
export function exact(column: string): string {
  return `encode(${column})`
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function toText(value: DuckDBValue | undefined): string {
  if (typeof value === 'string') return value
  if (value instanceof DuckDBBlobValue) return decoder.decode(value.bytes)
  throw new TypeError(`expected a text, got ${typeof value}`)
}
