import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { never, openStore, PaperLog, rowsOf, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { scriptedBatch, scriptedLog } from '../../../test/support/duckdb-writer.ts'

const kills = Number(process.env['SLUICE_KILLS'] ?? 10)

test('killed at random, the store has exactly the rows before its position, and books that fit them', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  let intoOpenWrites = 0
  let progress = 0n
  for (let kill = 0; kill < kills; kill++) {
    if (await runAndKill(file, 10 + ((kill * 37) % 30), (kill * 7) % 23)) intoOpenWrites++
    const store = await openStore(t, file)
    const next = (await store.state(scriptedLog, 0))?.position.next ?? 0n
    assert.ok(next >= progress, 'the position went back')
    progress = next
    await store.close()
  }
  assert.ok(intoOpenWrites >= kills / 2, `only ${intoOpenWrites} of ${kills} kills fell into a write`)
  assert.ok(progress > 0n)

  // What stands there is what an unharmed store has at the same position, down to the newest values and the books.
  const killed = await openStore(t, file)
  const whole = await openStore(t)
  const log = new PaperLog({ id: scriptedLog })
  for (let b = 0; log.next < progress; b++) await whole.write(log.write(scriptedBatch(log, b)), never)
  assert.equal(log.next, progress, 'the position lies between two writes')
  assert.deepEqual(await rowsOf(killed, 'd'), await rowsOf(whole, 'd'))
  assert.deepEqual(await killed.count(never), await whole.count(never))
  assert.deepEqual(await killed.latest('d', 100, never), await whole.latest('d', 100, never))
  assert.deepEqual(
    await killed.series('d', undefined, 100, never),
    await whole.series('d', undefined, 100, never),
  )
  assert.deepEqual(await killed.state(scriptedLog, 0), await whole.state(scriptedLog, 0))
})

/** Runs a writer and kills it so long after so many writes; returns whether that moment lay inside a write. */
async function runAndKill(file: string, writes: number, delayMs: number): Promise<boolean> {
  const script = path.join(import.meta.dirname, '../../../test/support/duckdb-writer.ts')
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let begun = 0
  let last = ''
  let timer: NodeJS.Timeout | undefined
  child.stdout.setEncoding('utf8')
  const exit = once(child, 'exit')
  child.stdout.on('data', (marks: string) => {
    begun += marks.split('<').length - 1
    last = marks.at(-1) ?? last
    if (begun >= writes) timer ??= setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  await exit
  clearTimeout(timer)
  assert.equal(child.signalCode, 'SIGKILL', `the writer ended by itself with ${child.exitCode}`)
  return last === '<'
}
