import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { type KeptRun, openKeptRun, textsOf } from '../../../test/support/kept-run.ts'
import { wait } from '../../lib/wait.ts'

type Open = (told?: Parameters<typeof openKeptRun>[1]) => Promise<KeptRun>

/** Gives a data folder, and what opens it; whatever is still open at the end is stopped. */
function inFolder(test: (data: string, open: Open) => Promise<void>): () => Promise<void> {
  return async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'sluice-kept-'))
    const runs: KeptRun[] = []
    try {
      await test(data, async (told) => {
        const run = await openKeptRun(data, told)
        runs.push(run)
        return run
      })
    } finally {
      for (const run of runs) await run.stop()
    }
    rmSync(data, { recursive: true })
  }
}

async function set(run: KeptRun, changes: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [key, value] of Object.entries(changes))
    run.intake.set(key, value === undefined ? undefined : Buffer.from(value))
  await run.intake.durable()
}

/** The file has so many changes of the log, and stands in it. */
async function written(run: KeptRun, changes: number): Promise<void> {
  const { signal } = new AbortController()
  const isWritten = () =>
    run.keeper.statuses.every(({ stream, books, position }) => {
      return position?.log === run.log.id && books.handed === (stream === 'state' ? changes : 0)
    })
  while (!isWritten()) await wait(10, signal)
}

test(
  'the first start finds nothing, the next what was set, by key and by prefix',
  inFolder(async (_, open) => {
    const first = await open()
    assert.deepEqual([...first.kept.state.entries('')], [])
    await set(first, { 'cursor/a': '1', 'mqtt/session/a': 's', 'mqtt/session/b': 't', gone: 'x' })
    await set(first, { gone: undefined })
    first.intake.addDocument('messages', '7', 0, Buffer.from('m'))
    await first.intake.durable()
    await first.stop()

    const { kept, ...next } = await open()
    assert.deepEqual(textsOf(kept.state, 'mqtt/session/'), { 'mqtt/session/a': 's', 'mqtt/session/b': 't' })
    assert.equal(Buffer.from(kept.state.get('cursor/a') ?? '').toString(), '1')
    assert.equal(kept.state.get('gone'), undefined)
    assert.deepEqual(textsOf(kept.messages), { 7: 'm' })
    await next.stop()
  }),
)

test(
  'what the log holds behind an older state file is found too',
  inFolder(async (data, open) => {
    const file = path.join(data, 'state.db')
    const first = await open()
    await set(first, { a: '1', b: '1' })
    await written(first, 2)
    await first.stop()
    const older = readFileSync(file)

    const second = await open()
    await set(second, { a: undefined, b: '2', c: '2' })
    await written(second, 5)
    await second.stop()
    for (const name of readdirSync(data)) if (name.startsWith('state.db')) rmSync(path.join(data, name))
    writeFileSync(file, older)

    for (let i = 0; i < 2; i++) {
      const next = await open()
      assert.deepEqual(textsOf(next.kept.state), { b: '2', c: '2' })
      await written(next, 5)
      assert.ok(next.keeper.statuses.every(({ books }) => books.damaged + books.expired === 0))
      await next.stop()
    }
  }),
)

test(
  'while nothing but readings comes, the file still follows, and what is set later is found',
  inFolder(async (_, open) => {
    const run = await open()
    const series = run.intake.series('d', 'm', 'number')
    for (let i = 0; i < 5_000; i++) run.intake.add(series, i, i, 192, 0)
    await run.intake.durable()
    await written(run, 0)
    await set(run, { a: '1' })
    await written(run, 1)
    assert.equal(run.keeper.statuses[0]?.books.stored, 1)
    await run.stop()
    const next = await open()
    assert.deepEqual(textsOf(next.kept.state), { a: '1' })
    await next.stop()
  }),
)

test(
  'an older copy of the log is read from its beginning, on top of what the file holds, and goes on from there',
  inFolder(async (data, open) => {
    const [logFolder, copy] = [path.join(data, 'log'), path.join(data, 'copy')]
    const first = await open()
    await set(first, { a: 'old', b: 'old' })
    await first.stop()
    cpSync(logFolder, copy, { recursive: true })

    const second = await open()
    await set(second, { a: 'new', c: 'new' })
    await written(second, 4)
    await second.stop()
    const before = second.log.id
    rmSync(logFolder, { recursive: true })
    cpSync(copy, logFolder, { recursive: true })

    const third = await open()
    assert.notEqual(third.log.id, before)
    assert.deepEqual(textsOf(third.kept.state), { a: 'old', b: 'old', c: 'new' })
    await set(third, { d: 'newest' })
    await written(third, 3)
    await third.stop()
    const fourth = await open()
    assert.deepEqual(textsOf(fourth.kept.state), { a: 'old', b: 'old', c: 'new', d: 'newest' })
    await fourth.stop()
  }),
)

test(
  'a damaged file is set aside and named, and what the log holds is found all the same',
  inFolder(async (data, open) => {
    const file = path.join(data, 'state.db')
    const first = await open()
    await set(first, { a: '1', b: '1', c: undefined })
    await written(first, 3)
    await first.stop()
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xff, 4096))

    const asides: string[] = []
    const second = await open({ onSetAside: (aside) => asides.push(aside) })
    assert.deepEqual(asides, [`${file}.damaged-1`])
    assert.equal(second.keeper.setAside, `${file}.damaged-1`)
    assert.deepEqual(readFileSync(`${file}.damaged-1`), bytes)
    assert.deepEqual(textsOf(second.kept.state), { a: '1', b: '1' })
    await written(second, 3)
    await second.stop()
    const third = await open({ onSetAside: (aside) => asides.push(aside) })
    assert.deepEqual(textsOf(third.kept.state), { a: '1', b: '1' })
    assert.equal(asides.length, 1)
    assert.equal(third.keeper.setAside, undefined)
  }),
)

test(
  'what could be read of a damaged file is not found once and never again',
  inFolder(async (data, open) => {
    const file = path.join(data, 'state.db')
    const first = await open()
    for (let i = 0; i < 4_000; i++) first.intake.set(`key ${i}`, Buffer.alloc(1_000))
    await first.intake.durable()
    await written(first, 4_000)
    await first.stop()
    // The log holds none of it any more, and the first megabytes can be read.
    rmSync(path.join(data, 'log'), { recursive: true })
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xff, (bytes.length >>> 14) * 12_288))

    const second = await open()
    assert.ok(second.keeper.setAside !== undefined)
    assert.equal([...second.kept.state.entries('')].length, 0)
  }),
)

test(
  'a file that cannot be opened keeps the program from starting, and is named',
  inFolder(async (data, open) => {
    mkdirSync(path.join(data, 'state.db'))
    await assert.rejects(open(), (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'config-invalid')
      assert.ok(error.message.startsWith(`${path.join(data, 'state.db')} cannot be opened: `), error.message)
      return true
    })
  }),
)
