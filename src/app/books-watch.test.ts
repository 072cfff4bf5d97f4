import assert from 'node:assert/strict'
import test from 'node:test'
import type { BooksFault } from '../api/books.ts'
import { BooksWatch } from './books-watch.ts'

test('a line is written when an identity breaks, differs in another way, or holds again, and at no other look', () => {
  const lines: string[] = []
  const tell = (level: string) => (details: object, message: string) =>
    lines.push(`${level} ${JSON.stringify(details)} ${message}`)
  let faults: readonly BooksFault[] = []
  // as: pino's functions take more forms than the one that is used.
  const logger = { error: tell('error'), info: tell('info') } as unknown as ConstructorParameters<
    typeof BooksWatch
  >[1]
  const watch = new BooksWatch(() => faults, logger)
  const told = (now: readonly BooksFault[]): string[] => {
    faults = now
    watch.look()
    watch.look()
    return lines.splice(0)
  }
  const broken = (by: number, handed = 9): BooksFault => ({
    code: 'books-sink',
    whose: 'main (readings)',
    by,
    message: `main has ${handed}, differs by ${by}`,
  })
  assert.deepEqual(told([]), [])
  assert.deepEqual(told([broken(1)]), ['error {"code":"books-sink"} main has 9, differs by 1'])
  assert.deepEqual(told([broken(1, 10)]), [], 'rows come, and it differs as before')
  assert.deepEqual(told([broken(2)]), ['error {"code":"books-sink"} main has 9, differs by 2'])
  assert.deepEqual(told([]), ['info {"code":"books-sink"} the books of main (readings) balance again'])
  watch.stop()
})
