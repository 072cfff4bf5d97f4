import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { runCommand } from './command.ts'

const zod = pathToFileURL(path.resolve(import.meta.dirname, '../../../node_modules/zod/index.js')).href

/** A folder with one proof: it tries as often as it is told and fails when it is told. */
function proofs(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-proofs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}')
  writeFileSync(
    path.join(folder, 'tries.ts'),
    `import { z } from '${zod}'
     export const options = z.object({ howOften: z.int().default(3).describe('tries'), fault: z.string().default('') }).describe('it tries')
     export async function run({ howOften, fault }, { folder, seed, ends, note, signal }) {
       ends(() => note('first started, last ended'))
       ends(() => note('last started, first ended'))
       if (fault === 'throw') throw new Error('it broke')
       if (fault === 'hang') await new Promise(() => {})
       return { n: howOften, seen: { folder, seed }, faults: fault === '' ? [] : [fault] }
     }\n`,
  )
  return folder
}

async function run(folder: string, words: readonly string[], signal = new AbortController().signal) {
  const results: string[] = []
  const notes: string[] = []
  const print = { result: (line: string) => results.push(line), note: (line: string) => notes.push(line) }
  const code = await runCommand(folder, words, print, signal)
  // as: what the command printed; the assertions look at its members
  const lines = results.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code, result: lines[0] ?? {}, lines: lines.length, notes: notes.join('\n') }
}

test('a proof that holds gives one line with its figures, seed, commit and machine, and leaves nothing behind', async (t) => {
  const words = ['tries', '--how-often', '5', '--seed', '7']
  const { code, result, lines, notes } = await run(proofs(t), words)
  assert.deepEqual([code, lines], [0, 1])
  const { name, n, seed, ok, faults, options, commit, dirty, machine, seen } = result
  assert.deepEqual([name, n, seed, ok, faults], ['tries', 5, 7, true, []])
  assert.deepEqual(options, { howOften: 5, fault: '' })
  assert.match(String(commit), /^([0-9a-f]{10}|unknown)$/)
  assert.equal(typeof dirty, 'boolean')
  assert.equal(Reflect.get(Object(machine), 'node'), process.version)
  assert.equal(Reflect.get(Object(seen), 'seed'), 7)
  assert.equal(existsSync(String(Reflect.get(Object(seen), 'folder'))), false)
  assert.match(notes, /last started, first ended\nfirst started, last ended/)
})

for (const [fault, said] of [
  ['lost', 'lost'],
  ['throw', 'it broke'],
] as const) {
  test(`a proof that fails (${fault}) says why, keeps its folder and ends what it started`, async (t) => {
    const { code, result, notes } = await run(proofs(t), ['tries', '--fault', fault])
    assert.deepEqual([code, result['ok'], result['faults']], [1, false, [said]])
    assert.ok(existsSync(String(result['kept'])))
    rmSync(String(result['kept']), { recursive: true })
    assert.match(notes, /last started, first ended\nfirst started, last ended/)
  })
}

test('a proof that is stopped while it hangs ends what it started and is not ok', async (t) => {
  const stop = new AbortController()
  const running = run(proofs(t), ['tries', '--fault', 'hang'], stop.signal)
  setImmediate(() => stop.abort())
  const { code, result, notes } = await running
  assert.deepEqual([code, result['ok'], result['kept']], [1, false, undefined])
  assert.match(notes, /last started, first ended/)
})

test('a name or an option that does not exist is told, with those that do', async (t) => {
  const folder = proofs(t)
  for (const words of [
    [],
    ['none'],
    ['tries', '--often', '3'],
    ['tries', '--how-often', 'x'],
    ['tries', '3'],
  ]) {
    const { code, lines, notes } = await run(folder, words)
    assert.deepEqual([code, lines], [2, 0], words.join(' '))
    if (words[1] !== '3') assert.match(notes, /tries: it tries\n {4}--how-often 3 {2}tries/)
  }
})
