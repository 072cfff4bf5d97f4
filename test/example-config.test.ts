import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { components } from '../src/app/components.ts'
import { loadConfig } from '../src/app/config/load.ts'

const file = path.resolve(import.meta.dirname, '../sluice.example.yaml')

test('the sample configuration is the one in effect without any', async () => {
  const sources = { env: {}, sets: [], components }
  assert.deepEqual(await loadConfig({ ...sources, file }), await loadConfig(sources))
})

test('its examples load too, once their # is taken away', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-example-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const lines = readFileSync(file, 'utf8').split('\n')
  // Prose has a blank behind its first "#"; within an example further lines are indented.
  let isExample = false
  const taken = lines.map((line) => {
    const [, indent = '', rest = ''] = /^(\s*)#(.*)$/.exec(line) ?? []
    isExample = rest !== '' && (/^[a-z]/.test(rest) || (isExample && /^ {2}/.test(rest)))
    return isExample ? indent + rest : line
  })
  const copy = path.join(folder, 'sluice.yaml')
  writeFileSync(copy, taken.join('\n'))
  const config = await loadConfig({ env: {}, sets: [], components, file: copy })
  assert.equal(config.series.declare[0]?.unit, '°C')
  assert.equal(config.sinks['lines']?.type, 'file')
  assert.deepEqual(config.sources['factory']?.options['topics'], ['dev/#', 'uns/#'])
  assert.deepEqual(
    config.pipelines['main']?.processors.map(({ type }) => type),
    ['filter', 'dedupe'],
  )
})
