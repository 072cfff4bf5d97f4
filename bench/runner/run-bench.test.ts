import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { readOptions } from './options.ts'
import { runBench } from './run-bench.ts'

/** A folder of benches: one that says how it was called, and its reference at twice the rate. */
function benches(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-benches-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}')
  const source = `export const run = async (options) => ({ bench: 'sum', unit: 'sums/s', ratePerSecond: 100, sent: options.seconds })
export const reference = async () => ({ ratePerSecond: 200 })\n`
  writeFileSync(path.join(folder, 'store.ts'), source)
  writeFileSync(path.join(folder, 'sum.ts'), `${source}export const storesNothing = true\n`)
  writeFileSync(path.join(folder, 'baseline.json'), '{"tolerance": 0.1, "benches": {}}')
  return folder
}

async function run(folder: string, name: string, ...words: string[]) {
  const results: string[] = []
  const notes: string[] = []
  const print = { result: (line: string) => results.push(line), note: (line: string) => notes.push(line) }
  const code = await runBench(folder, name, readOptions(words), print)
  assert.ok(results.length <= 1)
  const line = results[0] === undefined ? undefined : (JSON.parse(results[0]) as Record<string, unknown>)
  return { code, line, notes: notes.join('\n') }
}

test('the line has every field, the place and the ratio to the reference of the same run', async (t) => {
  const { code, line } = await run(benches(t), 'sum', '--seconds', '5')
  assert.equal(code, 0)
  const { fileSystem, commit, ...rest } = line ?? {}
  assert.equal(typeof fileSystem, 'string')
  assert.equal(typeof commit, 'string')
  assert.deepEqual(
    { ...rest, cores: 0 },
    {
      ...{
        bench: 'sum',
        ratePerSecond: 100,
        unit: 'sums/s',
        sent: 5,
        acked: null,
        stored: null,
        seconds: null,
      },
      ...{
        p50Ms: null,
        p99Ms: null,
        rssMb: null,
        series: null,
        fsyncs: null,
        cores: 0,
        node: process.version,
      },
      ...{ referenceRatePerSecond: 200, referenceRatio: 0.5 },
    },
  )
})

test('a ratio is recorded, and a run below it fails', async (t) => {
  const folder = benches(t)
  assert.equal((await run(folder, 'sum', '--baseline')).code, 1)
  assert.equal((await run(folder, 'sum', '--record')).code, 0)
  assert.match(readFileSync(path.join(folder, 'baseline.json'), 'utf8'), /"referenceRatio": 0\.5/)
  assert.equal((await run(folder, 'sum', '--baseline')).code, 0)
  writeFileSync(
    path.join(folder, 'baseline.json'),
    '{"tolerance": 0.1, "benches": {"sum": {"referenceRatio": 0.6}}}',
  )
  const { code, notes, line } = await run(folder, 'sum', '--baseline')
  assert.equal(code, 1)
  assert.match(notes, /sum: referenceRatio is 0\.5, below 0\.54/)
  assert.notEqual(line, undefined)
  assert.equal((await run(folder, 'sum', '--no-reference', '--baseline')).code, 1)
})

const tmpfs = 0x01021994
const isMemoryAt = (folder: string) => {
  try {
    return statfsSync(folder).type === tmpfs
  } catch {
    return false
  }
}

test('a bench that stores refuses a disk of memory', {
  skip: !isMemoryAt('/dev/shm') && 'no tmpfs here',
}, async (t) => {
  const data = mkdtempSync('/dev/shm/sluice-bench-')
  t.after(() => rmSync(data, { recursive: true }))
  const { code, notes, line } = await run(benches(t), 'store', '--data', data)
  assert.equal(code, 2)
  assert.match(notes, /is on tmpfs/)
  assert.equal(line, undefined)
})

test('options are words with or without a value', () => {
  assert.deepEqual(readOptions(['--seconds', '5', '--form=f3', '--baseline', '--no-reference', '--fast']), {
    seconds: 5,
    form: 'f3',
    baseline: true,
    reference: false,
    fast: true,
  })
  assert.throws(() => readOptions(['5']), /expected --option/)
})
