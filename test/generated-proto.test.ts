import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { protoFolder } from '../scripts/proto/descriptors.ts'
import { generatedCode } from '../scripts/proto/generate.ts'

test('the code generated from proto/ is current (npm run gen-proto writes it)', () => {
  const folder = path.join(protoFolder, 'generated')
  const generated = generatedCode()
  assert.ok(generated.size >= 2)
  for (const [name, text] of generated)
    assert.equal(
      readFileSync(path.join(folder, name), 'utf8'),
      text,
      `proto/generated/${name} is out of date`,
    )
  assert.deepEqual(globSync('**/*.ts', { cwd: folder }).sort(), [...generated.keys()].sort())
})
