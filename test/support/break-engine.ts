import { existsSync, rmSync } from 'node:fs'
import { DuckDBConnection } from '@duckdb/node-api'

/*
 * Loaded into the program by `--import`. The process of a store that finds the file BREAK_ENGINE removes it and loses its engine at the third
 * COMMIT, as DuckDB does where it cannot undo a transaction: that statement fails, and every one after it.
 */
const file = process.env['BREAK_ENGINE'] ?? ''
if (process.send !== undefined && existsSync(file)) {
  rmSync(file)
  const run = DuckDBConnection.prototype.run
  let commits = 0
  DuckDBConnection.prototype.run = function (sql, ...rest) {
    if (sql === 'COMMIT') commits++
    if (commits < 3) return run.call(this, sql, ...rest)
    return Promise.reject(
      new Error(
        'FATAL Error: Failed: database has been invalidated because of a previous fatal error. The database must be restarted prior to being used again.',
      ),
    )
  }
}
