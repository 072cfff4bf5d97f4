import assert from 'node:assert/strict'
import { SinkFailure } from '../../../src/core/sink.ts'
import { never, noTerms, PaperLog } from '../../support/duckdb-store.ts'
import { Examined, failureOf } from './examined.ts'
import type { Question } from './exam.ts'

export const positions: readonly Question[] = [
  {
    name: 'a sink that has taken nothing has no position, and one that is opened again stands where it was closed',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      assert.equal(await (await examined.sink()).state(examined.log.id, 0), undefined)
      await examined.judge({ next: 0n })
      await examined.put(examined.fresh(10))
      await examined.judge({ books: { handed: 10, stored: 10 } })
      await examined.put(examined.fresh(5))
      await examined.judge({ books: { handed: 15, stored: 15 } })
    },
  },
  {
    name: 'a write without rows moves the position, and what the runner counts goes into the books',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(examined.fresh(3))
      const from = { log: examined.log.id, partition: 0, next: 3n }
      const terms = { handed: 22, filtered: 4, deadLettered: 5, expired: 6, damaged: 7 }
      const nothing = { batch: undefined, from, to: { ...from, next: 40n }, terms }
      assert.equal((await (await examined.sink()).write(nothing, never)).stored, 0)
      examined.log.next = 40n
      await examined.judge({ books: { ...terms, handed: 25, stored: 3 } })
      // And where rows go beside them.
      const rows = examined.fresh(2)
      const write = examined.write(rows)
      await (await examined.sink()).write({ ...write, terms: { ...noTerms, handed: 5, filtered: 3 } }, never)
      examined.taken(rows, write)
      await examined.judge({ books: { ...terms, handed: 30, filtered: 7, stored: 5 } })
    },
  },
  {
    name: 'a write that starts elsewhere than the sink stands is fenced, whoever brings it, and changes nothing',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const rows = examined.fresh(10)
      await examined.put(rows)
      for (const next of [0n, 9n, 11n]) {
        const late = new PaperLog({ of: examined.log, next })
        const error = await failureOf(
          (await examined.sink()).write(examined.write(examined.fresh(3), late), never),
        )
        assert.ok(error instanceof SinkFailure && error.kind === 'stop', String(error))
        await examined.judge({ books: { handed: 10, stored: 10 } })
      }
      await examined.put(examined.fresh(3))
      await examined.judge()
    },
  },
  {
    name: 'an owner that was overtaken is fenced, though it was right when it began',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(examined.fresh(4))
      const sink = await examined.sink()
      const [first, second] = [examined.fresh(2), examined.fresh(2)]
      const late = new PaperLog({ of: examined.log, next: examined.log.next })
      const [mine, theirs] = [examined.write(first), examined.write(second, late)]
      const [won, lost] = await Promise.allSettled([sink.write(mine, never), sink.write(theirs, never)])
      assert.equal(won.status, 'fulfilled')
      assert.ok(
        lost.status === 'rejected' && lost.reason instanceof SinkFailure && lost.reason.kind === 'stop',
      )
      examined.taken(first, mine)
      await examined.judge({ books: { handed: 6, stored: 6 } })
    },
  },
  {
    name: 'another log begins at its own beginning, with books of its own',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(examined.fresh(10))
      const other = new PaperLog()
      const sink = await examined.sink()
      assert.equal(await sink.state(other.id, 0), undefined)
      const rows = examined.fresh(4)
      const write = examined.write(rows, other)
      await sink.write(write, never)
      examined.taken(rows, write)
      await examined.close()
      const state = await (await examined.sink()).state(other.id, 0)
      assert.equal(state?.position.next, 4n)
      assert.equal(state?.books.handed, 4)
      if (subject.has.logs === 'last') assert.equal(await examined.next(), 0n)
      else await examined.judge({ next: 10n, books: { handed: 10 } })
    },
  },
  {
    name: 'a write that is called off is done whole, or not at all',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(examined.fresh(2))
      for (const isBefore of [true, false]) {
        const rows = examined.fresh(200)
        const write = examined.write(rows)
        const off = new AbortController()
        if (isBefore) off.abort()
        const done = (await examined.sink()).write(write, off.signal)
        off.abort()
        const isDone = await done.then(
          () => true,
          (error: unknown) => {
            assert.ok(error instanceof SinkFailure && error.kind === 'retry', String(error))
            return false
          },
        )
        if (isDone) examined.taken(rows, write)
        else examined.log.next = write.from.next
        await examined.judge()
      }
    },
  },
]
