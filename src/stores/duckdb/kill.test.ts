import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { never, openStore, PaperLog, rowsOf, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { scriptedLog, scriptedRows, scriptedStarts } from '../../../test/support/duckdb-writer.ts'

const kills = Number(process.env['SLUICE_KILLS'] ?? 6)

test('killed at random, the store has exactly the rows before its position, and books that fit them', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  let intoOpenWrites = 0
  let progress = 0n
  for (let kill = 0; kill < kills; kill++) {
    const fellInWrite = await runAndKill(file, 20 + ((kill * 37) % 50))
    if (fellInWrite) intoOpenWrites++
    const store = await openStore(t, file)
    const state = await store.state(scriptedLog, 0)
    assert.ok((state?.position.next ?? 0n) >= progress, 'the position went back')
    progress = state?.position.next ?? 0n
    const { readings } = await store.count(never)
    assert.equal(state?.books.handed ?? 0, Number(progress))
    assert.equal(state?.books.stored ?? 0, readings)
    await store.close()
  }
  assert.ok(intoOpenWrites >= kills / 2, `only ${intoOpenWrites} of ${kills} kills fell into a write`)
  assert.ok(progress > 0n)

  // What stands there is what an unharmed store has at the same position, down to the newest values.
  const killed = await openStore(t, file)
  const whole = await openStore(t)
  const log = new PaperLog({ id: scriptedLog })
  const starts = scriptedStarts(4_000)
  const end = starts.indexOf(Number(progress))
  assert.ok(end > 0, 'the position lies between two writes')
  for (let b = 0; b < end; b++) await log.put(whole, scriptedRows(b))
  assert.deepEqual(await rowsOf(killed, 'd'), await rowsOf(whole, 'd'))
  assert.deepEqual(await killed.latest('d', 100, never), await whole.latest('d', 100, never))
  assert.deepEqual(await killed.state(scriptedLog, 0), await whole.state(scriptedLog, 0))
})

/** Runs a writer, kills it after so many writes and an arbitrary moment; returns whether that moment lay inside a write. */
async function runAndKill(file: string, writes: number): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, '../../../test/support/duckdb-writer.ts'), file],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let begun = 0
  let last = ''
  child.stdout.setEncoding('utf8')
  const exit = once(child, 'exit')
  child.stdout.on('data', (marks: string) => {
    begun += marks.split('<').length - 1
    last = marks.at(-1) ?? last
    if (begun < writes) return
    // Spread the moment over the length of a write without waiting for a clock.
    for (let i = 0; i < (writes % 10) * 200_000; i++) Math.sqrt(i)
    child.kill('SIGKILL')
  })
  await exit
  assert.equal(child.signalCode, 'SIGKILL', `the writer ended by itself with ${child.exitCode}`)
  return last === '<'
}
