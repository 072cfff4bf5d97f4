import { runHistory } from '../simulation/history.ts'

/*
 * The simulation as a finder of bugs: histories of the seeds from the first argument on, as many as the second says, until one breaks a promise. Prints
 * `{ histories, seed, violation }`; exit code 1 where there is one.
 */
const [seed = 1, histories = 1] = process.argv.slice(2).map(Number)
let lived = 0
let violation: string | undefined
for (; lived < histories && violation === undefined; lived++) ({ violation } = await runHistory(seed + lived))
console.log(JSON.stringify({ histories: lived, seed, violation }))
process.exit(violation === undefined ? 0 : 1)
