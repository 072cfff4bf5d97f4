import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseSync } from 'oxc-parser'
import { bugs } from './bugs.ts'
import { look } from './finders.ts'
import { planted } from './planting.ts'

const root = path.resolve(import.meta.dirname, '../..')
/** Each of them is found within so many, and most within ten. */
const histories = 400
const seed = Number(process.env['TEST_SEED'] ?? 9)

test('every bug can be planted: the text it replaces is there, once, and what comes of it is a program', () => {
  for (const bug of bugs) {
    const source = readFileSync(path.join(root, bug.file), 'utf8')
    assert.deepEqual(parseSync(bug.file, planted(source, bug)).errors, [], bug.name)
  }
})

test('a bug whose place is gone, or is there twice, is an error and not a program without the bug', () => {
  const [bug] = bugs
  assert.ok(bug)
  assert.throws(() => planted('const a = 1', bug), /cannot be planted.* 0 times/)
  assert.throws(() => planted(bug.find + bug.find, bug), /cannot be planted.* 2 times/)
})

test('the loader reaches threads and child processes, and refuses a bug it does not know', () => {
  const run = (name: string) => {
    const env = { ...process.env, NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'plant.ts')}` }
    return spawnSync(process.execPath, [path.join(import.meta.dirname, 'reach.ts')], {
      encoding: 'utf8',
      env: { ...env, TEST_PLANT: name },
    })
  }
  const { stdout, stderr } = run('crc-off')
  assert.equal(stdout, 'main: planted\nthread: planted\nprocess: planted\n', stderr)
  assert.match(run('crc-on').stderr, /TEST_PLANT names no bug: crc-on/)
})

test('the product does not know of planted bugs', () => {
  for (const file of globSync('{src,web/src,scripts,bench}/**/*.{ts,tsx}', { cwd: root }))
    assert.doesNotMatch(readFileSync(path.join(root, file), 'utf8'), /TEST_PLANT|test\/planted/, file)
})

for (const by of ['log', 'simulation'] as const)
  test(`without a bug the ${by} finds none`, async (t) => {
    const { tried } = await look({ finder: { by }, seen: /never/ }, undefined, seed, histories / 4)
    t.diagnostic(tried)
  })

for (const bug of bugs)
  test(`${bug.name} is found: ${bug.breaks}`, async (t) => {
    const { found, tried } = await look(bug, bug, seed, histories)
    t.diagnostic(tried)
    assert.ok(found, `nothing was seen in ${tried}`)
  })
