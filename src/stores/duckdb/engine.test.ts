import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { SluiceError } from '../../core/errors.ts'
import { openStore, PaperLog, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { Engine } from './engine.ts'
import { schemaVersion } from './schema.ts'

const isError = (code: string) => (error: unknown) => error instanceof SluiceError && error.code === code

test('the file is let go and taken again with every connection in its place', async (t) => {
  const file = path.join(temporaryFolder(t), `it's.duckdb`)
  const engine = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  t.after(() => engine.close())
  const [one, two] = [await engine.connect(), await engine.connect()]
  await one.run('CREATE TABLE t AS SELECT 1 AS a')
  await engine.reattach()
  await two.run('INSERT INTO t VALUES (2)')
  assert.deepEqual(await (await one.run('SELECT a FROM t ORDER BY a')).getRows(), [[1], [2]])
})

test('a file whose making was cut short is made anew, and leaves nothing beside it', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'store.duckdb')
  // As a full disk or a kill leaves it.
  fs.writeFileSync(`${file}.new`, Buffer.alloc(4096))
  fs.writeFileSync(`${file}.new.wal`, 'begun')
  const engine = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  const connection = await engine.connect()
  await connection.run('CREATE TABLE t AS SELECT 1 AS a')
  engine.close()
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.includes('.new')),
    [],
  )
  const again = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  t.after(() => again.close())
  assert.deepEqual(await (await (await again.connect()).run('SELECT a FROM t')).getRows(), [[1]])
})

test('a write-ahead log whose end a power loss has torn is cut off there, and kept', async (t) => {
  const folder = temporaryFolder(t)
  const [file, after] = [path.join(folder, 'store.duckdb'), path.join(folder, 'after.duckdb')]
  const engine = await Engine.open({ file, memoryLimitMb: 64, threads: 1 })
  t.after(() => engine.close())
  const connection = await engine.connect()
  await connection.run('CREATE TABLE t (a INTEGER)')
  await connection.run('INSERT INTO t VALUES (1)')
  const synced = fs.statSync(`${file}.wal`).size
  await connection.run('INSERT INTO t SELECT range FROM range(10000)')
  await connection.run('INSERT INTO t VALUES (3)')
  const whole = fs.readFileSync(`${file}.wal`)

  // Pages that were not synced: any of them may be missing, or the end of the file.
  const page = 4096
  const from = Math.ceil(synced / page) * page
  assert.ok(whole.length > from + 3 * page)
  const lost = [
    ['a page in the middle', 1, [Buffer.from(whole).fill(0, from + page, from + 2 * page)]],
    ['the last bytes', 10_001, [whole.subarray(0, -100), Buffer.alloc(100)]],
    ['everything, but for the length', 1, [whole.subarray(0, synced), Buffer.alloc(whole.length - synced)]],
    ['the end', 1, [whole.subarray(0, from + page)]],
  ] as const
  for (const [what, rows, parts] of lost) {
    for (const rest of fs.readdirSync(folder).filter((name) => name.startsWith('after')))
      fs.rmSync(path.join(folder, rest))
    fs.copyFileSync(file, after)
    const torn = Buffer.concat(parts)
    fs.writeFileSync(`${after}.wal`, torn)
    const told: string[] = []
    const again = await Engine.open({
      file: after,
      memoryLimitMb: 64,
      threads: 1,
      warn: (message) => told.push(message),
    })
    const reader = await again.connect()
    assert.equal((await (await reader.run('SELECT a FROM t')).getRows()).length, rows, what)
    await reader.run('INSERT INTO t VALUES (4)')
    again.close()
    if (fs.existsSync(`${after}.wal.torn`)) {
      assert.match(told.join(), /after\.duckdb\.wal was not whole/)
      const kept = fs.readFileSync(`${after}.wal.torn`)
      assert.deepEqual(kept, torn.subarray(torn.length - kept.length), what)
    } else assert.deepEqual([what, told], ['the end', []], 'DuckDB itself forgives a log that is short')
    const last = await Engine.open({ file: after, memoryLimitMb: 64, threads: 1 })
    assert.equal((await (await (await last.connect()).run('SELECT a FROM t')).getRows()).length, rows + 1)
    last.close()
  }
})

test('a file of a newer schema is refused in clear words', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file)
  await store.close()
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  await connection.run(`UPDATE sluice_store SET version = ${schemaVersion + 1}`)
  connection.closeSync()
  instance.closeSync()
  await assert.rejects(openStore(t, file), isError('log-version'))
})

test('a file that is no store is refused, and left as it is', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  fs.writeFileSync(file, 'something else entirely, longer than a header'.repeat(1000))
  const before = fs.readFileSync(file)
  await assert.rejects(openStore(t, file), isError('store-down'))
  assert.deepEqual(fs.readFileSync(file), before)
})

test('a file that is damaged is told as that, and not as one that is held', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file)
  await store.close()
  const bytes = fs.readFileSync(file)
  // In the headers of the file, of which the newer one is read.
  for (const at of [4100, 8200]) bytes[at] = (bytes[at] ?? 0) ^ 1
  fs.writeFileSync(file, bytes)
  await assert.rejects(openStore(t, file), /is damaged .*move both away/)
})

test('a file that another process holds is refused in clear words', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file)
  await new PaperLog().put(store, [{ device: 'a', metric: 'm', time: 1, value: 1 }])
  const script = `
    import { Engine } from '${path.join(import.meta.dirname, 'engine.ts')}'
    await Engine.open({ file: ${JSON.stringify(file)}, memoryLimitMb: 64, threads: 1 }).then(
      () => console.log('opened'), (error) => console.log(error.code, error.message))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  assert.match(stdout, /^store-down .*held by another process/)
})
