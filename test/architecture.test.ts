import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { type Architecture, describeFault, type FolderRule, judge } from './support/architecture.ts'
import { readModule } from './support/module-facts.ts'

const root = path.resolve(import.meta.dirname, '..')

/** A part between the core and app: it sees the vocabulary and no other part. */
const part: FolderRule = { imports: ['core', 'lib'], packages: true, node: true }
const family: FolderRule = { ...part, siblings: true }

/** Who may import whom (docs/architecture.md). */
const architecture: Architecture = {
  folders: {
    core: { imports: [], packages: [], node: false },
    lib: { imports: ['core'], packages: ['pino'], node: true },
    formats: part,
    sources: { ...family, imports: ['formats', 'core', 'lib'] },
    intake: part,
    log: family,
    processors: part,
    stores: family,
    sinks: family,
    live: part,
    alarms: part,
    registry: part,
    auth: part,
    api: part,
    simulator: part,
    prove: part,
    app: {
      imports: [
        ...['core', 'lib', 'formats', 'sources', 'intake', 'log', 'processors', 'stores', 'sinks', 'live'],
        ...['alarms', 'registry', 'auth', 'api'],
      ],
      packages: true,
      node: true,
    },
    cli: { imports: ['app', 'prove', 'simulator', 'core', 'lib'], packages: true, node: true },
    web: { imports: ['core'], packages: true, node: false },
  },
  onlyIn: [
    { what: 'mintDurable', places: ['src/log'], why: 'an acknowledgement needs a commit that is on disk' },
    ...['Date.now', 'new Date()', 'performance.now', 'process.hrtime'].map((what) => ({
      what,
      places: ['src/lib', 'web/src/clock.ts'],
      why: 'take a Clock, so that a simulation can replace it',
    })),
    {
      what: 'node:fs',
      places: ['src/lib', 'src/prove'], // which looks at a server from outside, and at what is left of it
      why: 'take a Storage, so that a simulation can replace it',
    },
  ],
  forbidden: ['default export', 'enum', 'namespace', 'decorator', 'parameter property', 're-export'],
  maxLines: 400,
  exceptions: [],
  dependencies: dependencies('package.json', 'web/package.json'),
}

test('the source keeps to the architecture: imports, clock, disk, forms and sizes', () => {
  const files = globSync('{src,web/src,test,bench,scripts}/**/*.{ts,tsx}', { cwd: root }).sort()
  assert.ok(files.length > 20, `only ${files.length} files were found`)
  const modules = files.map((file) => readModule(file, readFileSync(path.join(root, file), 'utf8')))
  const faults = judge(architecture, modules).map(describeFault)
  assert.equal(faults.length, 0, `\n${faults.join('\n')}\n`)
})

test('every exception to the architecture is still needed', () => {
  for (const { file, what, reason } of architecture.exceptions) {
    assert.notEqual(reason, '')
    const module = readModule(file, readFileSync(path.join(root, file), 'utf8'))
    const exceptions = architecture.exceptions.filter((e) => !(e.file === file && e.what === what))
    assert.notEqual(judge({ ...architecture, exceptions }, [module]).length, 0, `${file}: ${what}`)
  }
})

const forbidden: readonly [rule: string, file: string, source: string][] = [
  ['core may not import lib', 'src/core/x.ts', `import { retry } from '../lib/retry.ts'`],
  ['core imports nothing of node', 'src/core/x.ts', `import path from 'node:path'`],
  ['core may not import the package zod', 'src/core/x.ts', `import { z } from 'zod'`],
  ['lib may not import formats', 'src/lib/x.ts', `import '../formats/json.ts'`],
  ['intake may not import log', 'src/intake/x.ts', `import type { S } from '../log/embedded/segment.ts'`],
  [
    'stores may not import sinks',
    'src/stores/duckdb/x.ts',
    `export type T = import('../../sinks/file.ts').T`,
  ],
  ['sources may not import stores', 'src/sources/mqtt/x.ts', `const s = await import('../../stores/x.ts')`],
  ['log may not import stores', 'src/log/x.ts', `new URL('../stores/worker.ts', import.meta.url)`],
  ['siblings never import each other', 'src/stores/mysql/x.ts', `import { a } from '../duckdb/a.ts'`],
  ['app may not import cli', 'src/app/x.ts', `import { main } from '../cli/main.ts'`],
  ['web may not import api', 'web/src/x.tsx', `import type { A } from '../../src/api/a.ts'`],
  ['is not in the import table', 'src/helpers/x.ts', `import { a } from './a.ts'`],
  ['product code may not import test', 'src/app/x.ts', `import { a } from '../../test/support/a.ts'`],
  ['product code may not import', 'src/app/x.ts', `import { a } from './a.test.ts'`],
  ['not under "dependencies"', 'src/app/x.ts', `import fc from 'fast-check'`],
  ['only src/log may use mintDurable', 'src/intake/x.ts', `import { mintDurable } from '../core/durable.ts'`],
  [
    'only src/log may use mintDurable',
    'test/support/x.ts',
    `import { mintDurable as m } from '../../src/core/durable.ts'`,
  ],
  ['only src/lib may use Date.now', 'src/app/x.ts', `const t = Date.now()`],
  ['only src/lib may use new Date()', 'src/app/x.ts', `const t = new Date()`],
  ['only src/lib may use performance.now', 'src/log/x.ts', `const t = performance.now`],
  ['only src/lib may use process.hrtime', 'src/log/x.ts', `const t = process.hrtime.bigint()`],
  ['only src/lib may use node:fs', 'src/log/x.ts', `import { openSync } from 'node:fs'`],
  ['only src/lib may use node:fs', 'src/log/x.ts', `import { open } from 'node:fs/promises'`],
  ['no default export', 'src/app/x.ts', `export default 1`],
  ['no enum', 'src/app/x.ts', `enum A { B }`],
  ['no namespace', 'src/app/x.ts', `namespace A { export const b = 1 }`],
  ['no parameter property', 'src/app/x.ts', `class A { constructor(private b: number) {} }`],
  ['no decorator', 'src/app/x.ts', `@a class A {}`],
  ['no re-export', 'src/app/x.ts', `export * from './a.ts'`],
  ['no re-export', 'src/app/x.ts', `export { a } from './a.ts'`],
  ['401 lines', 'src/app/x.ts', 'let a\n'.repeat(400)],
  ['kebab-case', 'src/app/myFile.ts', ''],
  ['"util" says nothing', 'src/app/text-util.ts', ''],
]

for (const [rule, file, source] of forbidden) {
  test(`a ${file} with ${JSON.stringify(source.slice(0, 60))} breaks: ${rule}`, () => {
    const [fault, ...others] = judge(architecture, [readModule(file, `// first line\n${source}`)])
    assert.ok(fault !== undefined)
    assert.ok(fault.rule.includes(rule), fault.rule)
    assert.deepEqual(others, [])
    if (!/lines|kebab|says nothing/.test(rule)) assert.equal(fault.line, 2)
  })
}

const allowed: readonly [file: string, source: string][] = [
  ['src/app/x.ts', `import { a } from '../stores/duckdb/a.ts'\nimport { z } from 'zod'`],
  ['src/stores/mysql/x.ts', `import { a } from '../sql.ts'\nimport { b } from './b.ts'`],
  ['src/log/embedded/x.ts', `import { mintDurable } from '../../core/durable.ts'`],
  ['src/lib/clock.ts', `export const t = Date.now() + performance.now()`],
  ['src/intake/x.test.ts', `import { l } from '../log/memory.ts'\nimport fs from 'node:fs'\nDate.now()`],
  [
    'src/app/x.ts',
    `export const t = new Date(0)\n// Date.now() stands in lib\nconst s = "import fs from 'node:fs'"`,
  ],
]

for (const [file, source] of allowed) {
  test(`a ${file} with ${JSON.stringify(source.slice(0, 60))} is fine`, () => {
    assert.deepEqual(judge(architecture, [readModule(file, source)]), [])
  })
}

function dependencies(...files: string[]): string[] {
  return files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    // package.json is the npm client's own form: `dependencies` maps names to versions.
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> }
    return Object.keys(dependencies)
  })
}
