import assert from 'node:assert/strict'
import { never, noTerms, PaperLog, type Row } from '../../support/duckdb-store.ts'
import { Examined } from './examined.ts'
import type { Question } from './exam.ts'
import type { SinkUnderTest } from './subject.ts'

const row = (time: number, value: number | string, more: Partial<Row> = {}): Row => ({
  device: 'd',
  metric: 'm',
  time,
  value,
  ...more,
})
const noReplays = ({ has }: SinkUnderTest) =>
  has.keeps === 'highest' ? false : 'it is not told of rows a second time'
const noEdits = ({ has }: SinkUnderTest) => (has.edits ? false : 'it keeps edits as they are, or takes none')

export const identities: readonly Question[] = [
  {
    name: 'of rows of one series and time, within a batch and over batches, what must stand does, and each is in the books',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put([row(1, 1), row(2, 2), row(1, 10), row(1, 'ten')])
      await examined.put([row(2, 20), row(3, 3), row(0, 0), row(3, 'three', { quality: 0 })])
      await examined.put([row(1, 11, { extra: '{"a":1}' }), row(1, 12)])
      await examined.judge({ books: { handed: 10 } })
    },
  },
  {
    name: 'rows whose identity is their number are rows of their own, though series and time are the same',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const own = { byNumber: true }
      await examined.put([row(1, 1, own), row(1, 1, own), row(1, 2), row(0, 3, own)])
      await examined.put([row(1, 1, own), row(1, 5), row(1, 'six', own)])
      await examined.judge({ books: { handed: 7 } })
    },
  },
  {
    name: 'rows that come again, reordered and in other batches, change nothing; those that never came are stored late',
    skip: noReplays,
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const own = { byNumber: true }
      const rows = [
        row(1, 1),
        row(2, 2),
        row(1, 10),
        row(5, 5, own),
        row(5, 6, own),
        row(2, 'two'),
        row(9, 9),
      ]
      await examined.put(rows.slice(0, 4))
      await examined.put(rows.slice(4))
      // Missing in the live lane: a letter's row.
      const late = examined.write([row(3, 3)])
      await (await examined.sink()).write(
        { ...late, batch: undefined, terms: { ...noTerms, handed: 1, deadLettered: 1 } },
        never,
      )
      await examined.put([row(3, 30), row(4, 4)])
      await examined.judge()
      const all = [...rows, row(3, 3), row(3, 30), row(4, 4)]
      for (const [name, ranges] of [
        ['whole', [[0, 10]]],
        ['overlapping', [[0, 6]]],
        [
          'from the middle',
          [
            [3, 5],
            [5, 10],
          ],
        ],
      ] as const) {
        const again = (await examined.opened()).replay?.(name) ?? assert.fail('it has no replays')
        for (const [from, to] of ranges) {
          const log = new PaperLog({ of: examined.log, next: BigInt(from) })
          const written = await again.write(examined.write(all.slice(from, to), log), never)
          assert.equal(written.stored + written.repeated + written.overwritten, to - from)
        }
        await examined.judge()
      }
    },
  },
  {
    name: 'a lower number comes too late for a row that stands, and a higher one replaces it, whichever lane brings it',
    skip: noReplays,
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      examined.log.next = 10n
      await examined.put([row(1, 10), row(2, 11)])
      const ahead = new PaperLog({ of: examined.log, next: 9n })
      const { batch, ...write } = examined.write([row(1, 9), row(2, 15)], ahead)
      assert.equal(batch?.kind, 'readings')
      const apart = { ...batch, row: Uint32Array.of(0, 6) }
      const sink = (await examined.opened()).replay?.('ahead') ?? assert.fail('it has no replays')
      assert.deepEqual(await sink.write({ ...write, batch: apart }, never), {
        stored: 0,
        repeated: 1,
        overwritten: 1,
        refused: [],
      })
      examined.handed.push({ ...row(2, 15), number: 15 })
      await examined.judge()
    },
  },
  {
    name: 'a row of a newer log replaces that of an older one, though its number is lower, and not the other way round',
    skip: noReplays,
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      examined.log.next = 1000n
      await examined.put([row(1, 1), row(2, 2)])
      const other = new PaperLog()
      const sink = await examined.sink()
      const newer = [row(1, 10), row(3, 30)]
      await sink.write(examined.write(newer, other), never)
      const older = await sink.write(examined.write([row(1, 100), row(4, 4)]), never)
      assert.deepEqual(older, { stored: 1, repeated: 1, overwritten: 0, refused: [] })
      examined.handed.splice(0, Infinity, { ...row(2, 2), number: 1001 }, { ...row(4, 4), number: 1003 })
      newer.forEach((each, number) => examined.handed.push({ ...each, number }))
      await examined.judge({ books: { handed: 4 } })
    },
  },
  {
    name: 'an edit changes the rows before it and none after it, and holds for rows that come again',
    skip: noEdits,
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      const { log } = examined
      const rows = [
        row(1, 1),
        row(2, 2),
        row(3, 3),
        row(3, 30, { metric: 'n' }),
        row(0, 0),
        row(3, 300, { metric: 'late' }),
      ]
      await examined.put(rows.slice(0, 5))
      // The last one comes late: its letter is replayed.
      const letter = examined.write(rows.slice(5))
      const terms = { ...noTerms, handed: 1, deadLettered: 1 }
      await (await examined.sink()).write({ ...letter, batch: undefined, terms }, never)
      const edits = [
        { device: 'd', metric: 'm', from: 0, to: 2, patch: undefined },
        { device: 'd', metric: undefined, from: 3, to: 4, patch: { value: 'patched', quality: 0 } },
      ]
      for (const edit of edits) await (await examined.sink()).write(log.write(log.edit(edit)), never)
      await examined.put([row(1, 'after')])
      const patch = { value: 'patched', quality: 0 }
      const [, two = row(2, 2), three = row(3, 3), other = row(3, 3), , late = row(3, 3)] = rows
      examined.handed.splice(0, 5)
      examined.handed.push(
        { ...two, number: 1 },
        { ...three, ...patch, number: 2 },
        { ...other, ...patch, number: 3 },
      )
      await examined.judge({ books: { handed: 7 } })
      const again = new PaperLog({ of: log, next: 0n })
      const replay = (await examined.opened()).replay?.('again') ?? assert.fail('it has no replays')
      const { stored, overwritten } = await replay.write(examined.write(rows, again), never)
      assert.deepEqual({ stored, overwritten }, { stored: 1, overwritten: 0 })
      examined.handed.push({ ...late, ...patch, number: 5 })
      await examined.judge({ books: { handed: 7 } })
      const sink = (await examined.opened()).replay?.('again') ?? assert.fail('it has no replays')
      for (const edit of edits) await sink.write(again.write(again.edit(edit)), never)
      await examined.judge({ books: { handed: 7 } })
    },
  },
]
