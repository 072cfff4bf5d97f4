import { AssertionError } from 'node:assert'
import fc from 'fast-check'
import { liveThrough, logHistories } from '../support/log-histories.ts'

/*
 * The model of the log as a finder of bugs: lives through histories until one contradicts the plain list. Prints `{ histories, seed, violation }`;
 * exit code 1 where there is a violation.
 */
const [seed = 1, histories = 300] = process.argv.slice(2).map(Number)
let lived = 0
const property = fc.asyncProperty(logHistories, async (history) => {
  lived++
  await liveThrough(history)
})
const result = await fc.check(property, { seed, numRuns: histories, endOnFailure: true })
const { errorInstance } = result
const violation = result.failed
  ? `${errorInstance instanceof AssertionError ? '' : 'not judged: '}${String(errorInstance)}`
  : undefined
console.log(JSON.stringify({ histories: lived, seed, violation }))
process.exitCode = result.failed ? 1 : 0
