import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { Documents } from '../../core/batch.ts'
import { noBooks, SinkFailure, type SinkWrite } from '../../core/sink.ts'
import { bytesAt, textAt, textColumn } from '../../core/text-column.ts'
import { setAside } from './set-aside.ts'
import { isDamaged, StateFile } from './state-file.ts'

const log = '00000000-0000-4000-8000-000000000000'
const otherLog = '11111111-0000-4000-8000-000000000000'
const signal = new AbortController().signal

type Change = readonly [key: string, value: string]

const documents = (stream: string, first: number, changes: readonly Change[]): Documents => ({
  kind: 'documents',
  stream,
  length: changes.length,
  base: BigInt(first),
  row: undefined,
  time: new Float64Array(changes.length),
  key: textColumn(changes.map(([key]) => key)),
  body: textColumn(changes.map(([, value]) => value)),
})

const at = (next: number, id = log) => ({ log: id, partition: 0, next: BigInt(next) })

function write(first: number, changes: readonly Change[], stream = 'state', id = log): SinkWrite {
  const { length } = changes
  return {
    batch: documents(stream, first, changes),
    from: at(first, id),
    to: at(first + length, id),
    terms: { handed: length, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 },
  }
}

function valuesIn(file: StateFile, stream = 'state'): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { keys, values } of file.values(stream))
    for (let i = 0; i < keys.offsets.length - 1; i++)
      found[textAt(keys, i)] = Buffer.from(bytesAt(values, i)).toString('latin1')
  return found
}

function inFolder(run: (file: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sluice-state-'))
    try {
      await run(path.join(folder, 'state.db'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

test(
  'the last value of a key is kept, an empty one removes it, and all stand there after a reopening',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const sink = file.sink('state')
    const changes = [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
      ['gone', 'x'],
      ['gone', ''],
      ['', 'no key'],
      ['bytes \u0000 ✓', 'v'],
    ] as const
    const written = await sink.write(write(0, changes), signal)
    assert.deepEqual(written, { stored: 7, repeated: 0, overwritten: 0, refused: [] })
    await sink.write(write(7, [['b', '']]), signal)
    file.close()
    const again = new StateFile('state', name)
    assert.deepEqual(valuesIn(again), { a: '2', '': 'no key', 'bytes \u0000 ✓': 'v' })
    again.close()
  }),
)

test(
  'values come back byte by byte, in pieces however many they are',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const every = Uint8Array.from({ length: 256 }, (_, i) => i)
    const big = new Uint8Array(600_000).fill(7)
    const batch = {
      ...documents('state', 0, []),
      length: 5,
      key: textColumn(['every', 'big', 'bigger', 'biggest', 'last']),
      body: textColumn([every, big, big, big, every]),
    }
    await file.sink('state').write({ ...write(0, []), batch, to: at(5) }, signal)
    const pieces = [...file.values('state')]
    assert.equal(pieces.length, 2)
    assert.equal(Buffer.from(valuesIn(file)['last'] ?? '', 'latin1').compare(every), 0)
    assert.equal(valuesIn(file)['biggest']?.length, big.length)
    file.close()
  }),
)

test(
  'position and books move with the values, and each stream has its own',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const [state, messages] = [file.sink('state'), file.sink('messages')]
    assert.equal(await state.state(log, 0), undefined)
    await state.write(write(5, [['a', '1']]), signal)
    await messages.write(
      write(
        0,
        [
          ['1', 'm'],
          ['2', 'm'],
        ],
        'messages',
      ),
      signal,
    )
    const terms = { handed: 3, filtered: 0, deadLettered: 0, expired: 1, damaged: 2 }
    await state.write({ batch: undefined, from: at(6), to: at(20), terms }, signal)
    file.close()
    const again = new StateFile('state', name)
    assert.deepEqual(await again.sink('state').state(log, 0), {
      position: at(20),
      books: { ...noBooks, handed: 4, stored: 1, expired: 1, damaged: 2 },
    })
    assert.deepEqual((await again.sink('messages').state(log, 0))?.position, at(2))
    assert.deepEqual(valuesIn(again, 'messages'), { 1: 'm', 2: 'm' })
    again.close()
  }),
)

test(
  'a late owner whose position has moved on is fenced, and nothing of its write stays',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const late = new StateFile('state', name)
    await file.sink('state').write(write(0, [['a', 'new']]), signal)
    await assert.rejects(late.sink('state').write(write(0, [['a', 'late']]), signal), (error) => {
      assert.ok(error instanceof SinkFailure && error.kind === 'stop')
      assert.match(error.message, /the position has moved/)
      return true
    })
    assert.deepEqual(valuesIn(file), { a: 'new' })
    assert.equal(file.position('state', log, 0)?.position.next, 1n)
    late.close()
    file.close()
  }),
)

test(
  'another log is taken from its beginning, on top of what stands there',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const sink = file.sink('state')
    const two = [
      ['a', '1'],
      ['b', '1'],
    ] as const
    await sink.write(write(0, two), signal)
    assert.equal(await sink.state(otherLog, 0), undefined)
    await sink.write(write(0, [['a', '2']], 'state', otherLog), signal)
    assert.deepEqual(valuesIn(file), { a: '2', b: '1' })
    assert.equal(await sink.state(log, 0), undefined)
    assert.equal((await sink.state(otherLog, 0))?.books.handed, 1)
    file.close()
  }),
)

test(
  'a write fails as a whole, to be tried again, while somebody else holds the file',
  inFolder(async (name) => {
    const file = new StateFile('state', name)
    const other = new DatabaseSync(name)
    other.exec('BEGIN IMMEDIATE')
    const sink = file.sink('state')
    await assert.rejects(sink.write(write(0, [['a', '1']]), signal), { name: 'SinkFailure', kind: 'retry' })
    other.exec('ROLLBACK')
    other.close()
    assert.deepEqual(valuesIn(file), {})
    await sink.write(write(0, [['a', '1']]), signal)
    assert.deepEqual(valuesIn(file), { a: '1' })
    file.close()
  }),
)

for (const [damage, spoil] of [
  ['no database', (file: string) => writeFileSync(file, 'x'.repeat(8192))],
  [
    'broken inside',
    (file: string) => {
      const bytes = readFileSync(file)
      // Every page but the first, which tells what the file is and holds its schema.
      bytes.fill(0xff, 4096)
      writeFileSync(file, bytes)
    },
  ],
] as const)
  test(
    `a file that is ${damage} is known as damaged, and set aside as it is`,
    inFolder(async (name) => {
      const file = new StateFile('state', name)
      await file.sink('state').write(write(0, [['a', '1']]), signal)
      file.close()
      spoil(name)
      const bytes = readFileSync(name)
      assert.throws(() => {
        const spoiled = new StateFile('state', name)
        try {
          spoiled.position('state', log, 0)
          valuesIn(spoiled)
        } finally {
          spoiled.close()
        }
      }, isDamaged)
      writeFileSync(`${name}-wal`, 'its journal')
      assert.equal(setAside(name), `${name}.damaged-1`)
      assert.deepEqual(readFileSync(`${name}.damaged-1`), bytes)
      assert.deepEqual(readdirSync(path.dirname(name)), ['state.db.damaged-1', 'state.db.damaged-1-wal'])
      new StateFile('state', name).close()
      assert.equal(setAside(name), `${name}.damaged-2`)
    }),
  )

test(
  'a file of a newer Sluice is refused, and not called damaged',
  inFolder((name) => {
    new StateFile('state', name).close()
    const newer = new DatabaseSync(name)
    const at = newer.prepare('PRAGMA application_id').get()?.['application_id']
    newer.exec('PRAGMA user_version = 3')
    assert.throws(() => new StateFile('state', name), isDamaged, 'a flipped bit is no newer Sluice')
    newer.exec(`PRAGMA application_id = ${Number(at) + 1}`)
    newer.close()
    assert.throws(
      () => new StateFile('state', name),
      (error) => {
        assert.ok(error instanceof SinkFailure && error.code === 'log-version' && !isDamaged(error))
        assert.match(error.message, /state\.db was written by a newer Sluice/)
        return true
      },
    )
    assert.throws(() => new StateFile('state', path.join(name, 'below a file')), {
      name: 'SinkFailure',
      kind: 'stop',
    })
  }),
)

/** Some keys, changed and removed again, closed. */
async function written(file: string): Promise<Record<string, string>> {
  const state = new StateFile('state', file)
  const sink = state.sink('state')
  await sink.write(
    write(
      0,
      Array.from({ length: 60 }, (_, i) => [`key ${i}`, `value ${i} `.repeat(8)]),
    ),
    signal,
  )
  await sink.write(
    write(60, [
      ['key 3', ''],
      ['key 4', 'another'],
      ['key 4', 'the last'],
      ['new', 'x'],
    ]),
    signal,
  )
  const values = valuesIn(state)
  state.close()
  return values
}

test(
  'whatever bit of the file turns, it is called damaged or holds what was written',
  inFolder(async (file) => {
    const values = await written(file)
    const bytes = readFileSync(file)
    let damaged = 0
    for (let bit = 3; bit < bytes.length * 8; bit += 2_417) {
      const turned = Buffer.from(bytes)
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(file, turned)
      let state: StateFile
      try {
        state = new StateFile('state', file)
      } catch (error) {
        assert.ok(error instanceof SinkFailure)
        damaged++
        continue
      }
      assert.deepEqual(valuesIn(state), values, `bit ${bit}`)
      assert.deepEqual(state.position('state', log, 0)?.position, at(64), `bit ${bit}`)
      state.close()
    }
    assert.ok(damaged > 5, `${damaged} of them were found`)
  }),
)

test(
  'a turned bit in the number of the version is damage and no refusal, as far as the number says so',
  inFolder(async (file) => {
    await written(file)
    for (const version of [0, -1, 2 ** 20]) {
      const database = new DatabaseSync(file)
      database.exec(`PRAGMA user_version = ${version}`)
      database.close()
      assert.throws(() => new StateFile('state', file), isDamaged, `${version}`)
    }
  }),
)

test(
  'a turned bit in the definition of a table is damage',
  inFolder(async (file) => {
    await written(file)
    const bytes = readFileSync(file)
    const at = bytes.indexOf('expired')
    assert.ok(at > 0)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(file, bytes)
    assert.throws(() => new StateFile('state', file), isDamaged)
  }),
)

test(
  'a page that is older than the others is damage',
  inFolder(async (file) => {
    await written(file)
    const old = readFileSync(file)
    const state = new StateFile('state', file)
    await state.sink('state').write(write(64, [['key 5', 'changed']]), signal)
    state.close()
    const bytes = readFileSync(file)
    const page = 4096
    let differing = 0
    // The first page counts changes: without it SQLite itself would see.
    for (let at = page; at < old.length; at += page) {
      const mixed = Buffer.from(bytes)
      if (old.copy(mixed, at, at, at + page) === 0 || mixed.equals(bytes)) continue
      differing++
      writeFileSync(file, mixed)
      assert.throws(() => new StateFile('state', file), isDamaged, `page ${at / page}`)
    }
    assert.ok(differing > 1)
  }),
)

test(
  'a file without checksums, as an earlier Sluice wrote it, is taken and has them from then on',
  inFolder(async (file) => {
    const values = await written(file)
    const database = new DatabaseSync(file)
    database.exec('DROP TABLE checksum; PRAGMA user_version = 1')
    database.close()
    for (let i = 0; i < 2; i++) {
      const state = new StateFile('state', file)
      assert.deepEqual(valuesIn(state), values)
      state.close()
    }
    const changed = new DatabaseSync(file)
    changed.exec("UPDATE state SET value = x'00' WHERE key = CAST('new' AS BLOB)")
    changed.close()
    assert.throws(() => new StateFile('state', file), isDamaged)
  }),
)
