import type { Bug } from './bugs.ts'
import type { Finder } from './finders.ts'

const transaction = `      const isMade = () => positions.isMoved(sql, lane, write)
      const { applied, place } = await sql.transaction(async () => {
        await series.save(sql)
        const applied = await prepared.apply()
        return { applied, place: await positions.advance(sql, lane, write, applied.written) }
      }, isMade)
`
const rows = `      const applied = await sql.transaction(async () => {
        await series.save(sql)
        return await prepared.apply()
      })
`

/** A question of the exam that every sink must pass, put to a real store. */
const exam = (sink: 'duckdb' | 'file' | 'state', name: string): Finder => ({
  by: 'test',
  file: `test/contract/sink/${sink}.test.ts`,
  name,
})

/** In what sinks do with the rows and the position. */
export const sinkBugs: readonly Bug[] = [
  {
    name: 'position-before-commit',
    file: 'src/stores/duckdb/writer.ts',
    find: transaction,
    replace: `      const hoped = { ...nothing, stored: write.batch?.length ?? 0 }
      const place = await sql.transaction(() => positions.advance(sql, lane, write, hoped))
${rows}`,
    breaks: 'every acknowledged record takes effect exactly once in every store',
    finder: exam('duckdb', 'cut at any step of a write, before'),
    seen: /deep-equal|position/,
  },
  {
    name: 'position-outside-the-transaction',
    file: 'src/stores/duckdb/writer.ts',
    find: transaction,
    replace: `${rows}      const place = await sql.transaction(() => positions.advance(sql, lane, write, applied.written))
`,
    breaks: 'every acknowledged record takes effect exactly once in every store',
    finder: exam('duckdb', 'whoever looks at any step'),
    seen: /50 rows, position 20/,
  },
  {
    name: 'late-owner-not-fenced',
    file: 'src/stores/duckdb/positions.ts',
    find: 'AND next = $6::BIGINT`',
    replace: 'AND $6::BIGINT >= 0`',
    breaks: 'a late owner is fenced',
    finder: exam('duckdb', 'overtaken'),
    seen: /it did not fail|'fulfilled'|falsy/,
  },
  {
    name: 'edit-ignored-at-replay',
    file: 'src/stores/duckdb/edits.ts',
    find: 'if (!this.#mayCover(batch, origin)) return',
    replace: 'if (batch.length > 0 || !this.#mayCover(batch, origin)) return',
    breaks: 'a replay brings no deleted row back',
    finder: exam('duckdb', 'an edit changes'),
    seen: /strictly deep-equal/,
  },
  {
    name: 'keyed-position-outside-the-transaction',
    file: 'src/sinks/state/state-file.ts',
    find: 'this.#positions.move(stream, to, sum(books',
    replace:
      "this.#database.exec('COMMIT; BEGIN IMMEDIATE')\n      this.#positions.move(stream, to, sum(books",
    breaks: 'values and position change in one transaction',
    finder: exam('state', 'whoever looks at any step'),
    seen: /50 rows, position 20/,
  },
  {
    name: 'note-not-put-back',
    file: 'src/sinks/file/file-sink.ts',
    find: "if (undone === 'note') await writeNoted(notedFile, noted)\n",
    replace: '',
    breaks: 'a position never runs ahead of its rows, where its note has failed too',
    finder: exam('file', 'cut at any step of a write, after .* opened anew'),
    seen: /✖ file: cut at any step/,
  },
  {
    name: 'rotation-not-ended',
    file: 'src/sinks/file/file-sink.ts',
    find: "if (undone === 'rotation') await rotateOn()\n    else if",
    replace: 'if',
    breaks: 'a sink goes on where a write has failed',
    finder: exam('file', 'cut at any step of a write, before .* stays open'),
    seen: /✖ file: cut at any step/,
  },
  {
    name: 'rotation-deletes-again',
    file: 'src/sinks/file/file-sink.ts',
    find: 'let gap = 1\n',
    replace: 'let gap = options.keep\n',
    breaks: 'a rotation that was cut short deletes none of the files that are kept',
    finder: exam('file', 'cut at any step of a write, before .* opened anew'),
    seen: /deep-equal/,
  },
  {
    name: 'refused-row-written',
    file: 'src/sinks/file/file-sink.ts',
    find: 'const refused = batch === undefined ? [] : refusalsOf(batch)',
    replace: 'const refused = batch === undefined ? [] : refusalsOf(batch).slice(1)',
    breaks: 'a record is stored, or stands in the dead letters',
    finder: exam('file', 'bad rows among good ones'),
    seen: /deep-equal/,
  },
]
