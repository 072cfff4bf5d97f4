import type { Search } from './finders.ts'
import { logBugs } from './log-bugs.ts'
import { sinkBugs } from './sink-bugs.ts'

/** A wrong build: what stands in a file once, and what stands there instead. */
export interface Bug extends Search {
  readonly name: string
  /** From the root of the project. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The promise that it breaks. */
  readonly breaks: string
  /** Takes longer: it runs on demand only (test/reliability/planted.ts). */
  readonly onTheRealProgram?: Search
}

export const bugs: readonly Bug[] = [...logBugs, ...sinkBugs]

/** @throws where no bug has that name. */
export function bugNamed(name: string | undefined): Bug {
  const found = bugs.find((bug) => bug.name === name)
  if (found === undefined) throw new Error(`TEST_PLANT names no bug: ${name ?? 'it is not set'}`)
  return found
}
