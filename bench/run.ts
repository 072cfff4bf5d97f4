/**
 * npm run bench -- NAME [--option value …] [--no-reference] [--baseline | --record] [--data FOLDER]
 *
 * Runs bench/NAME.ts and its reference in one run, and prints the result as one JSON line, the last one. `--baseline` compares the
 * ratios with bench/baseline.json and fails below it; `--record` writes them there.
 */
import { readOptions } from './runner/options.ts'
import { listBenches, runBench } from './runner/run-bench.ts'

const [name, ...words] = process.argv.slice(2)
const folder = import.meta.dirname
if (name === undefined || name.startsWith('-')) {
  console.log(`usage: npm run bench -- NAME [--option value …]\nbenches: ${listBenches(folder).join(', ')}`)
  process.exitCode = 2
} else {
  process.exitCode = await runBench(folder, name, readOptions(words), {
    result: (line) => console.log(line),
    note: (line) => console.error(line),
  })
}
