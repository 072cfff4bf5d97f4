import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { byNumber, isText, type Readings } from '../../core/batch.ts'
import { SinkFailure, type SinkWrite } from '../../core/sink.ts'
import { textColumn } from '../../core/text-column.ts'
import { fileSinkSchema, openFileSink } from './file-sink.ts'

const log = '00000000-0000-4000-8000-000000000000'
const signal = new AbortController().signal

function batch(from: number, length: number): Readings {
  const rows = Array.from({ length }, (_, i) => from + i)
  return {
    kind: 'readings',
    length,
    base: BigInt(from),
    row: undefined,
    series: new Uint32Array(length),
    time: Float64Array.from(rows, (i) => 1_700_000_000_000_000 + i),
    value: Float64Array.from(rows, (i) => (i % 2 ? Number.NaN : i)),
    quality: new Uint8Array(length).fill(192),
    flags: Uint8Array.from(rows, (i) => (i % 2 ? isText | byNumber : 0)),
    text: textColumn(rows.map((i) => (i % 2 ? `"${i}"\\ ✓` : ''))),
    extra: undefined,
    names: { size: 1, version: 0, get: () => ({ device: 'pump "1"', metric: 'temp', unit: '°C' }) },
  }
}

const at = (next: number) => ({ log, partition: 0, next: BigInt(next) })
const write = (from: number, length: number): SinkWrite => ({
  batch: batch(from, length),
  from: at(from),
  to: at(from + length),
  terms: { handed: length, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 },
})

function inFolder(run: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sluice-file-sink-'))
    try {
      await run(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

/** `seq` of every line, oldest file first. */
function numbersIn(folder: string): number[] {
  const files = readdirSync(folder).filter((name) => /^out\.ndjson(\.\d+)?$/.test(name))
  const age = (name: string) => Number(name.split('.')[2] ?? 0)
  return files
    .sort((a, b) => age(b) - age(a))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean))
    .map((line) => (JSON.parse(line) as { seq: number }).seq)
}

/** The next write rotates it. */
const isLong = (folder: string) => readFileSync(path.join(folder, 'out.ndjson')).length >= 4096

const options = fileSinkSchema.parse({ path: 'out.ndjson', maxBytes: 4096 })
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

test(
  'rows are lines with their names, value, quality and number',
  inFolder(async (folder) => {
    const sink = await openFileSink('out', options, folder)
    await sink.write(write(0, 2), signal)
    const lines = readFileSync(path.join(folder, 'out.ndjson'), 'utf8').trim().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        {
          seq: 0,
          device: 'pump "1"',
          metric: 'temp',
          time: 1_700_000_000_000,
          value: 0,
          quality: 192,
          unit: '°C',
        },
        {
          seq: 1,
          device: 'pump "1"',
          metric: 'temp',
          time: 1_700_000_000_000.001,
          value: '"1"\\ ✓',
          quality: 192,
          unit: '°C',
        },
      ],
    )
    await sink.close()
  }),
)

test(
  'files are rotated, and every row stands in them once',
  inFolder(async (folder) => {
    const sink = await openFileSink('out', options, folder)
    for (let from = 0; from < 400; from += 10) await sink.write(write(from, 10), signal)
    await sink.close()
    assert.ok(readdirSync(folder).includes('out.ndjson.3'))
    assert.deepEqual(numbersIn(folder), upTo(400))
  }),
)

test(
  'a rotation that fails half-way is brought to its end by the next write, and every row stands in the files once',
  inFolder(async (folder) => {
    const sink = await openFileSink('out', options, folder)
    let next = 0
    for (; numbersIn(folder).length === next && !isLong(folder); next += 10)
      await sink.write(write(next, 10), signal)
    // Where the position is written anew.
    const inTheWay = path.join(folder, 'out.ndjson.position.json.new')
    mkdirSync(inTheWay)
    for (let i = 0; i < 2; i++) await assert.rejects(sink.write(write(next, 10), signal), /cannot be written/)
    rmdirSync(inTheWay)
    for (let i = 0; i < 2; i++, next += 10) await sink.write(write(next, 10), signal)
    await sink.close()
    assert.ok(readdirSync(folder).includes('out.ndjson.1'))
    assert.deepEqual(numbersIn(folder), upTo(next))
  }),
)

test(
  'a file that has lost its end is not written on: its last line may be half of one',
  inFolder(async (folder) => {
    const sink = await openFileSink('out', options, folder)
    await sink.write(write(0, 10), signal)
    await sink.close()
    const file = path.join(folder, 'out.ndjson')
    const whole = readFileSync(file)
    writeFileSync(file, whole.subarray(0, -20))
    await assert.rejects(openFileSink('out', options, folder), /has lost its end: \d+ of \d+ bytes/)
    assert.deepEqual(readFileSync(file), whole.subarray(0, -20))
  }),
)

test(
  'a rotation that was killed half-way goes on, and deletes no file of those that are kept',
  inFolder(async (folder) => {
    const few = { ...options, keep: 3 }
    const file = (n: number) => path.join(folder, `out.ndjson.${n}`)
    const sink = await openFileSink('out', few, folder)
    let next = 0
    for (; !existsSync(file(3)) || !isLong(folder); next += 10) await sink.write(write(next, 10), signal)
    await sink.close()
    const [second, first] = [2, 1].map((n) => readFileSync(file(n), 'utf8'))
    rmSync(file(3))
    renameSync(file(2), file(3))
    const again = await openFileSink('out', few, folder)
    await again.write(write(next, 10), signal)
    await again.close()
    assert.deepEqual(
      [3, 2].map((n) => readFileSync(file(n), 'utf8')),
      [second, first],
    )
    const numbers = numbersIn(folder)
    assert.deepEqual(numbers, upTo(next + 10).slice(-numbers.length))
  }),
)

test(
  'lines behind the noted position are cut off at the start, so a crash in the middle of a write repeats nothing',
  inFolder(async (folder) => {
    const before = await openFileSink('out', options, folder)
    await before.write(write(0, 10), signal)
    await before.close()
    appendFileSync(path.join(folder, 'out.ndjson'), '{"seq":10}\n{"seq":11,"dev')
    const after = await openFileSink('out', options, folder)
    const state = await after.state(log, 0)
    assert.equal(state?.position.next, 10n)
    assert.equal(state?.books.stored, 10)
    await after.write(write(10, 10), signal)
    await after.close()
    assert.deepEqual(numbersIn(folder), upTo(20))
  }),
)

test(
  'a late owner whose position has moved on is fenced',
  inFolder(async (folder) => {
    const sink = await openFileSink('out', options, folder)
    await sink.write(write(0, 10), signal)
    await assert.rejects(sink.write(write(0, 10), signal), /the position has moved/)
    await sink.close()
    assert.deepEqual(numbersIn(folder), upTo(10))
  }),
)

for (const [damage, spoil] of [
  ['empty', (file: string) => writeFileSync(file, '')],
  ['cut short', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 40))],
  ['of another form', (file: string) => writeFileSync(file, '{"version":1,"next":7}')],
  ['missing', (file: string) => rmSync(file)],
] as const)
  test(
    `beside a position file that is ${damage} nothing is written, and both files are named`,
    inFolder(async (folder) => {
      const file = path.join(folder, 'out.ndjson')
      const before = await openFileSink('out', options, folder)
      await before.write(write(0, 10), signal)
      await before.close()
      spoil(`${file}.position.json`)
      const lines = readFileSync(file)
      await assert.rejects(openFileSink('out', options, folder), (error) => {
        assert.ok(error instanceof SinkFailure && error.kind === 'stop')
        assert.ok(error.message.startsWith(`${file}.position.json is `), error.message)
        assert.match(error.message, /out\.ndjson holds, so none is written.*move both files away/)
        return true
      })
      assert.deepEqual(readFileSync(file), lines)

      for (const name of readdirSync(folder)) rmSync(path.join(folder, name))
      const after = await openFileSink('out', options, folder)
      assert.equal(await after.state(log, 0), undefined)
      await after.close()
    }),
  )

test(
  'a position file of which one bit has turned is never believed',
  inFolder(async (folder) => {
    const file = path.join(folder, 'out.ndjson')
    const before = await openFileSink('out', options, folder)
    await before.write(write(0, 10), signal)
    await before.close()
    const noted = readFileSync(`${file}.position.json`)
    for (let bit = 0; bit < noted.length * 8; bit += 7) {
      const turned = Buffer.from(noted)
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(`${file}.position.json`, turned)
      await assert.rejects(
        openFileSink('out', options, folder).then(() => assert.fail(`${turned.toString()} is believed`)),
        SinkFailure,
      )
    }
    writeFileSync(`${file}.position.json`, noted)
    const after = await openFileSink('out', options, folder)
    assert.deepEqual((await after.state(log, 0))?.position, at(10))
    await after.close()
  }),
)

test(
  'a position file without a checksum, as an earlier Sluice wrote it, is taken and written anew with one',
  inFolder(async (folder) => {
    const file = path.join(folder, 'out.ndjson')
    const before = await openFileSink('out', options, folder)
    await before.write(write(0, 10), signal)
    await before.close()
    const { crc, ...noted } = JSON.parse(readFileSync(`${file}.position.json`, 'utf8')) as { crc: number } // as: our own
    assert.ok(crc > 0)
    writeFileSync(`${file}.position.json`, JSON.stringify({ ...noted, version: 1 }))
    const after = await openFileSink('out', options, folder)
    assert.deepEqual((await after.state(log, 0))?.position, at(10))
    await after.write(write(10, 10), signal)
    await after.close()
    assert.match(readFileSync(`${file}.position.json`, 'utf8'), /"version":2.*"crc":\d/)
  }),
)

test(
  'a crash in the middle of the very first write repeats nothing either',
  inFolder(async (folder) => {
    const before = await openFileSink('out', options, folder)
    await before.close()
    appendFileSync(path.join(folder, 'out.ndjson'), '{"seq":0}\n{"seq":1,"dev')
    const after = await openFileSink('out', options, folder)
    await after.write(write(0, 10), signal)
    await after.close()
    assert.deepEqual(numbersIn(folder), upTo(10))
  }),
)
