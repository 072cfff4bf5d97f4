import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SinkBooks } from '../../core/sink.ts'
import { never, openStore, PaperLog, rowsOf, temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { scriptedBatch, scriptedLog } from '../../../test/support/duckdb-writer.ts'
import type { DuckdbStore } from './store.ts'

const kills = Number(process.env['SLUICE_KILLS'] ?? 6)

test('killed at random, the store has exactly the rows before its position, and books that fit them', async (t) => {
  const { killed, whole } = await killAndCompare(t, kills)
  assert.deepEqual(await killed.state(scriptedLog, 0), await whole.state(scriptedLog, 0))
})

test('killed while it makes corrections a part at a time, it ends with the same rows', async (t) => {
  const { killed, whole } = await killAndCompare(t, Math.ceil(kills / 2), 1)
  const [cut, uncut] = [await killed.state(scriptedLog, 0), await whole.state(scriptedLog, 0)]
  assert.deepEqual(cut?.position, uncut?.position)
  // A part that was made before the kill is a repeat when its write comes again.
  const told = (books: SinkBooks | undefined) =>
    books && { ...books, repeated: books.repeated + books.overwritten, overwritten: 0 }
  assert.deepEqual(told(cut?.books), told(uncut?.books))
})

/** Kills writers of one store, and compares it with one that was never killed, down to the newest values. */
async function killAndCompare(
  t: TestContext,
  times: number,
  rowGroups?: number,
): Promise<{ killed: DuckdbStore; whole: DuckdbStore }> {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  let intoOpenWrites = 0
  let progress = 0n
  for (let kill = 0; kill < times; kill++) {
    if (await runAndKill(file, 10 + ((kill * 37) % 30), (kill * 7) % 23, rowGroups)) intoOpenWrites++
    const store = await openStore(t, file)
    const next = (await store.state(scriptedLog, 0))?.position.next ?? 0n
    assert.ok(next >= progress, 'the position went back')
    progress = next
    await store.close()
  }
  assert.ok(intoOpenWrites >= times / 2, `only ${intoOpenWrites} of ${times} kills fell into a write`)
  assert.ok(progress > 0n)

  const killed = await openStore(t, file)
  const whole = await openStore(t)
  const log = new PaperLog({ id: scriptedLog })
  let b = 0
  for (; log.next < progress; b++) await whole.write(log.write(scriptedBatch(log, b)), never)
  assert.equal(log.next, progress, 'the position lies between two writes')
  if (rowGroups !== undefined) {
    // Parts of the write that was killed last may stand ahead of the position: it comes again.
    const next = log.write(scriptedBatch(log, b))
    for (const store of [killed, whole]) await store.write(next, never)
  }
  assert.deepEqual(await rowsOf(killed, 'd'), await rowsOf(whole, 'd'))
  assert.deepEqual(await killed.count(never), await whole.count(never))
  assert.deepEqual(await killed.latest('d', 100, never), await whole.latest('d', 100, never))
  assert.deepEqual(
    await killed.series('d', undefined, 100, never),
    await whole.series('d', undefined, 100, never),
  )
  return { killed, whole }
}

/** Runs a writer and kills it so long after so many writes; returns whether that moment lay inside a write. */
async function runAndKill(
  file: string,
  writes: number,
  delayMs: number,
  rowGroups?: number,
): Promise<boolean> {
  const script = path.join(import.meta.dirname, '../../../test/support/duckdb-writer.ts')
  const child = spawn(
    process.execPath,
    [script, file, ...(rowGroups === undefined ? [] : [String(rowGroups)])],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
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
