import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SinkFailure } from '../../../src/core/sink.ts'
import { never, temporaryFolder } from '../../support/duckdb-store.ts'
import { needsSmallDisk, smallDisk } from '../../support/small-disk.ts'
import { withoutRights } from '../../support/without-rights.ts'
import { assertStops, Examined } from './examined.ts'
import type { Question } from './exam.ts'

const kills = 4

export const trouble: readonly Question[] = [
  {
    name: 'without the right to write it stops and says so, and goes on when it may again',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(examined.fresh(10))
      const { folder } = examined.place
      await examined.close()
      assertStops(
        await withoutRights(folder, () =>
          examined.put(examined.fresh(1)).then(
            () => undefined,
            (error: unknown) => error,
          ),
        ),
      )
      await examined.close()
      examined.log.next = 10n
      await examined.judge()
      await examined.put(examined.fresh(10))
      // Open already: what it can still do is done whole.
      const rows = examined.fresh(10)
      const write = examined.write(rows)
      const error = await withoutRights(folder, async () =>
        (await examined.sink()).write(write, never).then(
          () => undefined,
          (error: unknown) => error,
        ),
      )
      if (error === undefined) examined.taken(rows, write)
      else {
        assertStops(error)
        examined.log.next = write.from.next
      }
      await examined.judge()
      await examined.put(examined.fresh(10))
      await examined.judge()
    },
  },
  {
    name: 'on a full disk it fails and refuses no row, and goes on when there is space',
    skip: needsSmallDisk,
    async ask(t, subject) {
      const disk = smallDisk(t, 24 * 2 ** 20)
      const examined = await Examined.in(t, subject, disk.folder)
      await examined.put(examined.fresh(10))
      disk.fill()
      const texts = examined.fresh(2_000).map((row) => ({ ...row, value: 'x'.repeat(1_000) }))
      const write = examined.write(texts)
      for (let attempt = 0; attempt < 3; attempt++) {
        const error = await examined
          .sink()
          .then((sink) => sink.write(write, never))
          .then(
            () => undefined,
            (error: unknown) => error,
          )
        assert.ok(error instanceof Error, 'a full disk took 2 MB')
        if (error instanceof SinkFailure) assert.notEqual(error.kind, 'rows', error.message)
        if (attempt === 0)
          assert.ok(error instanceof SinkFailure && error.code === 'disk-full', String(error))
        // Its process would be started again.
        if (attempt > 0) await examined.close()
      }
      disk.free()
      examined.log.next = 10n
      await examined.judge({ books: { handed: 10, stored: 10 } })
      await (await examined.sink()).write(write, never)
      examined.taken(texts, write)
      examined.log.next = write.to.next
      await examined.judge({ books: { handed: 2_010, stored: 2_010 } })
    },
  },
  {
    name: 'killed at any moment it has the rows before its position and no other, and goes on from there',
    async ask(t, subject) {
      const folder = temporaryFolder(t)
      let [inWrites, before] = [0, 0n]
      for (let kill = 0; kill < kills; kill++) {
        if (await writeUntilKilled(subject.name, folder, 2 + kill)) inWrites++
        const examined = await Examined.in(t, subject, folder)
        const next = await examined.next()
        assert.ok(next >= before, `it stood at ${before} and stands at ${next}`)
        before = next
        const rows = examined.fresh(Number(next))
        rows.forEach((row, number) => examined.handed.push({ ...row, number }))
        await examined.judge({ next, books: { handed: Number(next), stored: Number(next) } })
        await examined.close()
      }
      assert.ok(before > 0n)
      t.diagnostic(`${inWrites} of ${kills} kills fell into a write; ${before} rows`)
    },
  },
]

/** A process that writes rows until it is killed, in a write after so many. Returns whether it was still in it. */
async function writeUntilKilled(name: string, folder: string, writes: number): Promise<boolean> {
  const script = new URL('./write-until-killed.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script, name, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  let [begun, last] = [0, '']
  const ended = once(child, 'close')
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (marks: string) => {
    begun += marks.split('<').length - 1
    last = marks.at(-1) ?? last
    if (begun > writes) child.kill('SIGKILL')
  })
  await ended
  assert.equal(child.signalCode, 'SIGKILL', `it ended by itself with ${child.exitCode}`)
  return last === '<'
}
