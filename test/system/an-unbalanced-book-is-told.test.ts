import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { openBrowser, openPage } from '../../web/dev/browser.ts'
import { needs, toolPath } from '../support/needs.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained, readStatus, type SluiceStatus } from '../support/sluice-status.ts'

const readings = 4

/** A data folder whose store was changed behind Sluice's back: the program runs on it. */
async function tampered(t: TestContext, change: string): Promise<SluiceProcess> {
  const data = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-books-'))
  t.after(() => fs.rm(data, { recursive: true, force: true }))
  const before = await SluiceProcess.start({ data })
  t.after(() => before.killTree())
  await send(before)
  const { alarms } = await drained(before, { rows: readings, timeoutMs: 30_000 })
  assert.deepEqual(alarms, [])
  await before.stop()

  const instance = await DuckDBInstance.create(path.join(data, 'main.duckdb'))
  const connection = await instance.connect()
  await connection.run(`UPDATE positions SET ${change} WHERE stream = 'readings'`)
  connection.closeSync()
  instance.closeSync()

  const sluice = await SluiceProcess.start({ data })
  t.after(() => sluice.killTree())
  return sluice
}

async function send({ httpPort }: SluiceProcess): Promise<void> {
  const rows = Array.from({ length: readings }, (_, i) => ({
    device: 'scale',
    weight: i,
    timestamp: 1e12 + i,
  }))
  const answer = await fetch(`http://127.0.0.1:${httpPort}/api/v1/readings`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rows) },
  })
  assert.equal(answer.status, 202)
}

async function alarmed(sluice: SluiceProcess, code: string, message = ''): Promise<SluiceStatus> {
  for (const end = performance.now() + 30_000; performance.now() < end; await setTimeout(50)) {
    const status = await readStatus(sluice)
    if (status.alarms.some((alarm) => alarm.code === code && alarm.message.includes(message))) return status
  }
  throw new Error(`there is no alarm ${code}: ${JSON.stringify(await readStatus(sluice))}`)
}

/** /metrics, and the program's own log: one line, however long the books differ. */
async function assertTold(sluice: SluiceProcess, code: string, message: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${sluice.httpPort}/metrics`)
  assert.match(await answer.text(), new RegExp(`^sluice_alarm\\{code="${code}"\\} 1$`, 'm'))
  const lines = () => sluice.output.split('\n').filter((line) => line.includes(`"code":"${code}"`))
  for (const end = performance.now() + 30_000; lines().length === 0 && performance.now() < end; )
    await setTimeout(50)
  const [line = '{}', ...others] = lines()
  // as: a line of pino's; its level 50 is an error
  const { level, msg } = JSON.parse(line) as { level?: number; msg?: string }
  assert.deepEqual([level, msg, others], [50, message, []])
}

test('a term of a sink that was changed raises books-sink: on /status, /metrics, in the log and on the overview', {
  skip: needs('chromium'),
}, async (t) => {
  const sluice = await tampered(t, 'stored = stored - 1')
  const message = 'the books of main (readings) do not balance: it was handed 4 rows, the terms are 3'
  const { alarms, sinks } = await alarmed(sluice, 'books-sink')
  assert.deepEqual(alarms, [{ code: 'books-sink', message }])
  assert.equal(sinks.find(({ stream }) => stream === 'readings')?.balanced, false)
  await assertTold(sluice, 'books-sink', message)

  execFileSync(process.execPath, [path.resolve(import.meta.dirname, '../../scripts/build-web.ts')])
  const browser = await openBrowser(toolPath('chromium'))
  t.after(() => browser.close())
  for (const scheme of ['light', 'dark'] as const) {
    const { page, faults } = await openPage(browser, { width: 1280, height: 900, scheme })
    await page.goto(`http://127.0.0.1:${sluice.httpPort}/app`)
    await page.getByRole('alert').getByText('books-sink').waitFor()
    const books = page.getByRole('region', { name: 'Books' })
    await books.getByText('does not balance', { exact: true }).waitFor()
    await books.getByText(message).waitFor()
    const shots = process.env['TEST_SCREENSHOTS'] ?? ''
    if (shots !== '')
      await page.screenshot({ path: path.join(shots, `unbalanced-${scheme}.png`), fullPage: true })
    assert.deepEqual(faults, [])
    await page.context().close()
  }
})

test('a sink that says it was handed more than the log has raises books-log, though its own terms balance', async (t) => {
  const sluice = await tampered(t, 'handed = handed + 1, stored = stored + 1')
  const message = 'main (readings) was handed 5 rows, but the log counts 4 up to its position'
  const { alarms } = await alarmed(sluice, 'books-log')
  assert.deepEqual(alarms, [{ code: 'books-log', message }])
  await assertTold(sluice, 'books-log', message)

  // It goes on differing by one: the alarm has the new numbers, the log says nothing again.
  await send(sluice)
  const later = 'main (readings) was handed 9 rows, but the log counts 8 up to its position'
  await alarmed(sluice, 'books-log', later)
  await assertTold(sluice, 'books-log', message)
})
