import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { SinkFailure } from '../../core/sink.ts'
import { openStore, PaperLog, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { Engine } from './engine.ts'
import { sinkFailure } from './failure.ts'

/** What the engine itself says to a statement, as a failure. */
async function failureOf(
  t: Parameters<typeof temporaryFolder>[0],
  ...statements: string[]
): Promise<SinkFailure> {
  const file = path.join(temporaryFolder(t), 'x.duckdb')
  const engine = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  t.after(() => engine.close())
  const connection = await engine.connect()
  try {
    for (const statement of statements) await connection.run(statement)
  } catch (error) {
    return sinkFailure(error)
  }
  return assert.fail('nothing failed')
}

test('what no retry can mend stops the sink: a missing table, a full disk', async (t) => {
  const missing = await failureOf(t, 'SELECT * FROM nothing')
  assert.deepEqual([missing.kind, missing.code], ['stop', 'store-refused'])
  const full = sinkFailure(new Error('IO Error: Could not write file "x.duckdb": No space left on device'))
  assert.deepEqual([full.kind, full.code], ['stop', 'disk-full'])
  const unknown = sinkFailure(new TypeError('a defect'))
  assert.equal(unknown.kind, 'stop')
})

test('too little memory is tried again, and a row the engine cannot take is looked for', async (t) => {
  const memory = await failureOf(
    t,
    "SET max_temp_directory_size = '1MB'",
    'SELECT list(a ORDER BY hash(a)) FROM range(20000000) r(a)',
  )
  assert.equal(memory.kind, 'retry')
  const row = await failureOf(t, 'CREATE TABLE t (a INTEGER NOT NULL)', 'INSERT INTO t VALUES (NULL)')
  assert.equal(row.kind, 'rows')
})

test('a store whose table is gone is down, and says so at its start', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file)
  const log = new PaperLog()
  const rows = [{ device: 'a', metric: 'm', time: 1, value: 1 }]
  await log.put(store, rows)
  await store.close()
  const engine = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  const connection = await engine.connect()
  const [[table]] = (await (
    await connection.run("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'r%'")
  ).getRows()) as [[string]] // the one chunk there is
  await connection.run(`ALTER TABLE ${table} RENAME COLUMN series TO gone`)
  engine.close()
  await assert.rejects(
    openStore(t, file),
    (error: unknown) => error instanceof SinkFailure && error.kind === 'stop',
  )
})
