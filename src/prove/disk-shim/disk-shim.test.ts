import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { needsShim } from '../../../test/support/needs.ts'
import { below, seededRandom } from '../../../test/support/random.ts'
import { DiskShim } from './disk-shim.ts'

const skip = await needsShim()
const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-shim-')))
const folder = path.join(home, 'data')
fs.mkdirSync(folder)
const shim = skip === false ? await DiskShim.create(folder, path.join(home, 'shim')) : undefined
after(() => fs.rmSync(home, { recursive: true }))

/** Runs statements in a process under the shim; `say(x)` prints, `code(() => …)` is the error's code or 'ok', `f(name)` a path in the folder. */
function program(statements: string): SpawnSyncReturns<string> {
  const source = `
    import fs from 'node:fs'; import path from 'node:path'
    const f = (name) => path.join(${JSON.stringify(folder)}, name)
    const say = (x) => fs.writeSync(1, JSON.stringify(x) + '\\n')
    const code = (act) => { try { act(); return 'ok' } catch (error) { return error.code ?? String(error) } }
    const bytes = (n, char = 'x') => Buffer.alloc(n, char)
    ${statements}`
  const options = { env: { ...process.env, ...shim?.environment }, encoding: 'utf8', cwd: home } as const
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], options)
}

function said(statements: string): unknown[] {
  const { stdout, stderr, status } = program(statements)
  assert.equal(status, 0, stderr)
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
}

function content(name: string): string | undefined {
  const file = path.join(folder, name)
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined
}

beforeEach(() => {
  if (shim === undefined) return
  shim.control.clear()
  shim.control.keepsUndo = true
  shim.control.hasNoSpace = false
  shim.control.clockOffsetMs = 0
  shim.losePower('none', Math.random)
  for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name), { recursive: true })
})

test('the call that is named fails, and no other, and only below the folder', { skip }, () => {
  shim?.control.set({ kinds: ['write'], action: 'EIO', from: 2, calls: 1 })
  const outside = path.join(home, 'outside')
  assert.deepEqual(
    said(`
      const fd = fs.openSync(f('a'), 'w')
      const other = fs.openSync(${JSON.stringify(outside)}, 'w')
      for (let i = 0; i < 3; i++) say([code(() => fs.writeSync(fd, 'abc')), code(() => fs.writeSync(other, 'abc'))])`),
    [
      ['ok', 'ok'],
      ['EIO', 'ok'],
      ['ok', 'ok'],
    ],
  )
  assert.equal(shim?.control.hits, 1)
  assert.equal(shim?.control.firstHit, `write ${folder}/a`)
  assert.equal(content('a'), 'abcabc')
})

test('every kind of call can be failed, with any of the errors', { skip }, () => {
  const calls = {
    'open-read': `fs.openSync(f('old'), 'r')`,
    'open-write': `fs.openSync(f('old'), 'r+')`,
    create: `fs.openSync(f('new'), 'wx')`,
    write: `fs.writevSync(fd, [bytes(3), bytes(4)], 0)`,
    sync: `fs.fdatasyncSync(fd)`,
    truncate: `fs.ftruncateSync(fd, 1)`,
    rename: `fs.renameSync(f('old'), f('other'))`,
    unlink: `fs.unlinkSync(f('old'))`,
    mkdir: `fs.mkdirSync(f('folder'))`,
  } as const
  fs.writeFileSync(path.join(folder, 'old'), 'abc')
  for (const [kind, call] of Object.entries(calls)) {
    const script = `const fd = fs.openSync(f('old'), 'r+'); say(code(() => ${call}))`
    for (const action of ['EIO', 'ENOSPC', 'EMFILE', 'EROFS'] as const) {
      if (action !== 'EIO' && kind !== 'write') continue
      // The opening before is one of its kind, for open-write.
      shim?.control.set({ kinds: [kind as keyof typeof calls], action, from: kind === 'open-write' ? 2 : 1 })
      assert.deepEqual(said(script), [action], kind)
    }
  }
})

test('threads and child processes are under it too', { skip }, () => {
  shim?.control.set({ kinds: ['create'], action: 'EMFILE', from: 1 })
  const seen = said(`
    import { Worker } from 'node:worker_threads'; import { spawnSync } from 'node:child_process'
    const script = "try { require('node:fs').openSync(process.env.FILE, 'w'); console.log('ok') } catch (error) { console.log(error.code) }"
    const env = { ...process.env, FILE: f('b') }
    say(spawnSync(process.execPath, ['--input-type=commonjs', '-e', script], { env, encoding: 'utf8' }).stdout.trim())
    const worker = new Worker("const { parentPort } = require('node:worker_threads'); try { require('node:fs').openSync(" + JSON.stringify(f('c')) + ", 'w'); parentPort.postMessage('ok') } catch (error) { parentPort.postMessage(error.code) }", { eval: true, execArgv: ['--input-type=commonjs'] })
    worker.on('message', say)`)
  assert.deepEqual(seen, ['EMFILE', 'EMFILE'])
})

test('a short write lets half through: Node goes on with the rest by itself', { skip }, () => {
  const before = shim?.control.seen.write ?? 0
  shim?.control.set({ kinds: ['write'], action: 'short', from: 1, calls: 1 })
  const parts = `[bytes(10), bytes(10, 'y')]`
  assert.deepEqual(said(`const fd = fs.openSync(f('a'), 'w'); say(fs.writevSync(fd, ${parts}, 0))`), [20])
  assert.equal(shim?.control.seen.write, before + 2)
  assert.equal(content('a'), 'x'.repeat(10) + 'y'.repeat(10))
})

test('a process is killed in the middle of the write that is named', { skip }, () => {
  shim?.control.set({ kinds: ['write', 'sync'], action: 'kill', from: 3 })
  const { signal } = program(
    `const fd = fs.openSync(f('a'), 'w'); fs.writeSync(fd, 'abcd'); fs.fdatasyncSync(fd); fs.writeSync(fd, 'efgh')`,
  )
  assert.equal(signal, 'SIGKILL')
  assert.equal(content('a'), 'abcdef')
})

test('only files whose path has the part that is named are concerned', { skip }, () => {
  shim?.control.set({ kinds: ['create'], action: 'EIO', from: 1, only: '.seg' })
  assert.deepEqual(said(`for (const name of ['a.db', 'a.seg']) say(code(() => fs.openSync(f(name), 'w')))`), [
    'ok',
    'EIO',
  ])
})

test('the disk says that it is full', { skip }, () => {
  if (shim) shim.control.hasNoSpace = true
  assert.deepEqual(said(`say(fs.statfsSync(f('')).bavail)`), [0])
})

test('the time of day is moved, and no timer', { skip }, () => {
  if (shim) shim.control.clockOffsetMs = -7_200_000
  const [moved, monotonic] = said(
    `say(Date.now()); const from = performance.now(); setTimeout(() => say(performance.now() - from), 10)`,
  )
  const off = Number(moved) - Date.now() + 7_200_000
  assert.ok(Math.abs(off) < 60_000, `${off} ms off`)
  assert.ok(Number(monotonic) >= 9)
})

test('each process that reads the moved time is told once for every jump', { skip }, () => {
  const look = `for (let i = 0; i < 100; i++) Date.now(); say(process.pid)`
  if (shim) shim.control.clockOffsetMs = 5_000
  const pids = [said(look), said(look)].map(([pid]) => Number(pid))
  assert.deepEqual(shim?.control.clockReaders, pids)
  if (shim) shim.control.clockOffsetMs = 6_000
  assert.deepEqual(shim?.control.clockReaders, [])
})

test('a power loss takes what was not synced, and leaves what was', { skip }, () => {
  program(`
    const fd = fs.openSync(f('a'), 'w+')
    fs.writeSync(fd, bytes(2000)); fs.fdatasyncSync(fd)
    const dir = fs.openSync(f(''), 'r'); fs.fsyncSync(dir)
    fs.writeSync(fd, bytes(700, 'y'), 0, 700, 1500); fs.ftruncateSync(fd, 100); fs.writeSync(fd, bytes(50, 'z'), 0, 50, 80)
    fs.writeFileSync(f('b'), 'never synced')
    process.kill(process.pid, 'SIGKILL')`)
  assert.equal(content('a'), 'x'.repeat(80) + 'z'.repeat(50))
  assert.deepEqual(shim?.losePower('all', Math.random), { unsynced: 4, undone: 4, names: 1, namesUndone: 1 })
  assert.equal(content('a'), 'x'.repeat(2000))
  assert.equal(content('b'), undefined)
})

test('of what was not synced some is lost: each sector is as it once was, each size one that the file once had', {
  skip,
}, () => {
  const seed = Number(process.env['TEST_SEED'] ?? below(Math.random, 2 ** 31))
  console.log(`TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const seen = new Set<string>()
  for (let i = 0; i < 6; i++) {
    said(`
      const fd = fs.openSync(f('a${i}'), 'w+'); fs.writeSync(fd, bytes(2048)); fs.fdatasyncSync(fd)
      const dir = fs.openSync(f(''), 'r'); fs.fsyncSync(dir)
      fs.writeSync(fd, bytes(1536, 'y'), 0, 1536, 1024); fs.writeSync(fd, bytes(512, 'z'), 0, 512, 1024)`)
    shim?.losePower('random', random)
    const found = content(`a${i}`) ?? ''
    assert.match(found, /^x{1024}(x{512}|y{512}|z{512})(x{512}|y{512})(y{512}|\0{512})?$/, `seed ${seed}`)
    seen.add(found)
  }
  assert.ok(seen.size > 1)
})

test('names that came, went or changed since the sync of their folder are lost one by one', { skip }, () => {
  for (const name of ['gone', 'moved', 'replaced']) fs.writeFileSync(path.join(folder, name), name)
  said(`
    fs.unlinkSync(f('gone')); fs.renameSync(f('moved'), f('replaced'))
    const fd = fs.openSync(f('kept'), 'w'); fs.writeSync(fd, 'kept'); fs.fsyncSync(fd); fs.closeSync(fd)
    const dir = fs.openSync(f(''), 'r'); fs.fsyncSync(dir)
    fs.writeFileSync(f('new'), 'new'); fs.renameSync(f('kept'), f('later'))`)
  shim?.losePower('all', Math.random)
  assert.deepEqual(fs.readdirSync(folder).sort(), ['kept', 'replaced'])
  assert.deepEqual([content('kept'), content('replaced')], ['kept', 'moved'])

  said(`fs.unlinkSync(f('replaced')); fs.renameSync(f('kept'), f('replaced'))`)
  shim?.losePower('all', Math.random)
  assert.deepEqual([content('kept'), content('replaced')], ['kept', 'moved'])
})

test('what a failed sync was to write stays in doubt, whatever later syncs say', { skip }, () => {
  shim?.control.set({ kinds: ['sync'], action: 'EIO', from: 3, calls: 1 })
  assert.deepEqual(
    said(`
      const fd = fs.openSync(f('a'), 'w+'); fs.writeSync(fd, 'aaaa'); fs.fdatasyncSync(fd)
      const dir = fs.openSync(f(''), 'r'); fs.fsyncSync(dir)
      fs.writeSync(fd, 'bbbb'); say(code(() => fs.fdatasyncSync(fd)))
      say(code(() => fs.fdatasyncSync(fd)))`),
    ['EIO', 'ok'],
  )
  shim?.losePower('all', Math.random)
  assert.equal(content('a'), 'aaaa')
})

test('SQLite and DuckDB are under it, and what they have committed survives', { skip }, async () => {
  const before = { ...shim?.control.seen }
  const { stderr, signal } = program(`
    import { DatabaseSync } from 'node:sqlite'
    const { DuckDBInstance } = await import(${JSON.stringify(import.meta.resolve('@duckdb/node-api'))})
    const lite = new DatabaseSync(f('s.db'))
    lite.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    const duck = await (await DuckDBInstance.create(f('d.duckdb'))).connect()
    await duck.run('CREATE TABLE t (x INTEGER)'); await duck.run('CHECKPOINT')
    // DuckDB leaves it to the file system to keep the names of files that it has synced.
    const dir = fs.openSync(f(''), 'r'); fs.fsyncSync(dir)
    await duck.run('INSERT INTO t SELECT range FROM range(1000)'); fs.fsyncSync(dir)
    process.kill(process.pid, 'SIGKILL')`)
  assert.equal(signal, 'SIGKILL', stderr)
  for (const kind of ['create', 'write', 'sync'] as const)
    assert.ok((shim?.control.seen[kind] ?? 0) > (before[kind] ?? 0) + 1, kind)
  shim?.losePower('all', Math.random)
  assert.deepEqual(
    said(`
      import { DatabaseSync } from 'node:sqlite'
      const { DuckDBInstance } = await import(${JSON.stringify(import.meta.resolve('@duckdb/node-api'))})
      say(new DatabaseSync(f('s.db')).prepare('SELECT * FROM t').all())
      const duck = await (await DuckDBInstance.create(f('d.duckdb'))).connect()
      say(Number((await duck.runAndReadAll('SELECT count(*) FROM t')).getRows()[0][0]))
      process.exit()`),
    [[{ x: 1 }], 1000],
  )
})
