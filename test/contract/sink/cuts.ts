import assert from 'node:assert/strict'
import { format } from 'node:util'
import { SinkFailure } from '../../../src/core/sink.ts'
import { never } from '../../support/duckdb-store.ts'
import { Examined, failureOf } from './examined.ts'
import type { Question } from './exam.ts'
import type { Glance } from './subject.ts'
import { type OnStep, overWire } from './steps.ts'

/** More than any write has. */
const mostSteps = 200

/** When a write is cut, and what the pipeline tries again on: the same sink, until it is started anew. */
const ways = [
  ['before', 'is opened anew'],
  ['after', 'is opened anew'],
  ['before', 'stays open'],
  ['after', 'stays open'],
] as const

export const cuts: readonly Question[] = [
  {
    name: 'whoever looks at any step of a write sees no position without its rows, and no rows that the position does not cover',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const { place } = examined
      await examined.put(examined.fresh(20))
      const seen: Glance[] = []
      const { glanceNow } = place
      const onStep: OnStep = {
        async before() {
          seen.push(await place.glance())
        },
        ...(glanceNow && { now: () => seen.push(glanceNow()) }),
      }
      await overWire(subject.wire, { onStep }, () => examined.put(examined.fresh(30)))
      assert.ok(seen.length > 3)
      seen.push(await place.glance())
      assert.deepEqual(seen.at(-1), { rows: 50, next: 50n })
      for (const [i, { rows, next }] of seen.entries()) {
        const what = `at look ${i + 1}: ${rows} rows, position ${next}`
        if (subject.has.isTransactional) assert.equal(BigInt(rows), next, what)
        else assert.ok(BigInt(rows) >= next, what)
      }
      await examined.judge()
    },
  },
  ...ways.map(
    ([when, then]): Question => ({
      name: `cut at any step of a write, ${when} it is done, it is there whole or not at all, and the position tells: the sink ${then}`,
      async ask(t, subject) {
        const examined = await Examined.in(t, subject)
        await examined.put(examined.fresh(3))
        let isCut = true
        let nth = 1
        let made = 0
        for (; isCut && nth < mostSteps; nth++) {
          const rows = [...examined.fresh(4), { device: `new ${nth}`, metric: 'm', time: nth, value: nth }]
          const write = examined.write(rows)
          const sink = await examined.sink()
          let failure: unknown
          const calls = await overWire(subject.wire, { cut: { nth, when } }, async () => {
            failure = await sink.write(write, never).then(
              () => undefined,
              (error: unknown) => error,
            )
          })
          isCut = calls.length >= nth
          const what = `cut ${when} call ${nth}, ${calls[nth - 1]}`
          if (failure !== undefined)
            assert.ok(
              failure instanceof SinkFailure && failure.kind !== 'rows',
              `${what}: ${format(failure)}`,
            )
          if (then === 'is opened anew') await examined.close()
          const next = await examined.next()
          if (failure === undefined) assert.equal(next, write.to.next, what)
          assert.ok(next === write.from.next || next === write.to.next, `${what}: it stands at ${next}`)
          if (next === write.from.next) await (await examined.sink()).write(write, never)
          else made++
          examined.taken(rows, write)
          await examined.judge({ books: { handed: examined.handed.length } })
        }
        assert.ok(nth > 2 && nth < mostSteps, `${nth} steps`)
        t.diagnostic(`${nth - 2} steps; ${made} of the writes were made though they had failed, or had not`)
      },
    }),
  ),
  {
    name: 'a write whose answer is lost is fenced when it comes again, and the position says that it is done',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const rows = examined.fresh(8)
      const write = examined.write(rows)
      const sink = await examined.sink()
      await sink.write(write, never)
      examined.taken(rows, write)
      const error = await failureOf(sink.write(write, never))
      assert.ok(error instanceof SinkFailure && error.kind === 'stop')
      await examined.judge({ books: { handed: 8, stored: 8 } })
    },
  },
]
