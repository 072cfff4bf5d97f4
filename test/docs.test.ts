import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { printedDocs } from '../scripts/docs.ts'

const root = path.resolve(import.meta.dirname, '..')

test('what documentation takes from code is current (npm run docs:config prints it)', async () => {
  for (const [file, text] of await printedDocs())
    assert.equal(readFileSync(path.join(root, 'docs', file), 'utf8'), text, `docs/${file} is out of date`)
})

test('every configuration key says what it means', async () => {
  const rows = [
    ...((await printedDocs()).get('operations.md') ?? '').matchAll(/^\| `([\w.<>[\]-]+)` \|.*\| (.*) ?\|$/gm),
  ]
  assert.ok(rows.length > 60, `${rows.length} keys`)
  assert.deepEqual(
    rows
      // The entries of a list are told by the list.
      .filter(([, key = '', meaning = '']) => meaning.trim() === '' && !key.includes('[]'))
      .map(([, key]) => key),
    [],
  )
})

test('links between the pages of the project lead somewhere', () => {
  const pages = globSync('{*.md,docs/**/*.md}', { cwd: root })
  assert.ok(pages.length > 4)
  const broken: string[] = []
  for (const page of pages) {
    const text = readFileSync(path.join(root, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|mailto:)([^)#]*)(?:#[^)]*)?\)/g)) {
      if (target === '') continue
      const file = path.join(root, path.dirname(page), target)
      if (globSync(file).length === 0) broken.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})
