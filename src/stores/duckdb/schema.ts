import { SluiceError } from '../../core/errors.ts'
import type { Sql } from './sql.ts'
import { toNumber } from './sql.ts'

/** Version of the tables below. Add a step to `steps` with every change. */
export const schemaVersion = 1

/**
 * `origin` is generation × 4096 + partition: it orders rows of two logs, and tells whose numbers a row's `seq` is one of.
 * Readings stand in one table a time chunk (`r<id>`), documents in one a stream (`d<id>`).
 */
const steps: readonly string[][] = [
  [
    `CREATE TABLE positions (
      log VARCHAR NOT NULL, part UINTEGER NOT NULL, stream VARCHAR NOT NULL, replay VARCHAR NOT NULL,
      origin UINTEGER NOT NULL, next BIGINT NOT NULL,
      handed BIGINT NOT NULL, stored BIGINT NOT NULL, repeated BIGINT NOT NULL, overwritten BIGINT NOT NULL,
      filtered BIGINT NOT NULL, dead_lettered BIGINT NOT NULL, expired BIGINT NOT NULL, damaged BIGINT NOT NULL)`,
    `CREATE TABLE series (id UINTEGER NOT NULL, device VARCHAR NOT NULL, metric VARCHAR NOT NULL, unit VARCHAR NOT NULL)`,
    // What is kept of a series so that nothing has to be scanned for it: as of the numbers in state_next.
    `CREATE TABLE series_state (
      id UINTEGER NOT NULL, kinds UTINYINT NOT NULL, first_time BIGINT, high_time BIGINT,
      latest_time BIGINT, latest_value DOUBLE, latest_text VARCHAR, latest_quality UTINYINT,
      latest_origin UINTEGER, latest_seq BIGINT)`,
    `CREATE TABLE state_next (origin UINTEGER NOT NULL, next BIGINT NOT NULL)`,
    `CREATE TABLE chunks (
      id UINTEGER NOT NULL, from_time BIGINT NOT NULL, to_time BIGINT NOT NULL,
      sorted_rows BIGINT NOT NULL, has_text BOOLEAN NOT NULL)`,
    `CREATE TABLE edits (
      origin UINTEGER NOT NULL, seq BIGINT NOT NULL, device VARCHAR NOT NULL, metric VARCHAR,
      from_time BIGINT NOT NULL, to_time BIGINT NOT NULL, is_delete BOOLEAN NOT NULL,
      value DOUBLE, text VARCHAR, quality UTINYINT)`,
    `CREATE TABLE streams (id UINTEGER NOT NULL, name VARCHAR NOT NULL)`,
  ],
]

/** Creates or upgrades the tables. @throws SluiceError `log-version` for a file that a newer Sluice wrote. */
export async function migrate(sql: Sql): Promise<void> {
  await sql.run('CREATE TABLE IF NOT EXISTS sluice_store (version INTEGER NOT NULL)')
  const [row] = await sql.rows('SELECT max(version) FROM sluice_store')
  const version = row?.[0] == null ? 0 : toNumber(row[0])
  if (version > schemaVersion) {
    throw new SluiceError(
      'log-version',
      `the store has schema ${version}, written by a newer Sluice; this one knows ${schemaVersion}`,
    )
  }
  for (let next = version; next < schemaVersion; next++) {
    await sql.transaction(async () => {
      for (const statement of steps[next] ?? []) await sql.run(statement)
      await sql.run('DELETE FROM sluice_store')
      await sql.run(`INSERT INTO sluice_store VALUES (${next + 1})`)
    })
  }
}
