import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { instanceOf } from './instance.ts'

function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sluice-instance-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

test('a data folder has an id of its own, and keeps it', async (t) => {
  const [one, other] = [folder(t), folder(t)]
  const id = await instanceOf(one)
  assert.match(id, /^[0-9a-f]{12}$/)
  assert.equal(await instanceOf(one), id)
  assert.notEqual(await instanceOf(other), id)
})

test('a file that holds no id is told, not replaced: a broker holds messages under the old one', async (t) => {
  const data = folder(t)
  for (const text of ['', '{}', '"somebody"', '12']) {
    writeFileSync(path.join(data, 'instance'), text)
    await assert.rejects(instanceOf(data), { code: 'config-invalid', message: /holds no id/ })
  }
})
