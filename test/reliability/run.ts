/**
 * node test/reliability/run.ts NAME [--option value …] [--seed N] [--data FOLDER]
 *
 * Runs the proof test/reliability/NAME.ts and prints what it saw as one JSON object; exit code 0 only if it holds. Without a name it lists
 * them. Progress is on standard error. Ctrl-C ends it and everything it has started.
 */
import { writeSync } from 'node:fs'
import { runCommand } from './runner/command.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort())
}
// Standard output is for the result alone, whatever a proof calls that prints.
console.log = console.error
process.exitCode = await runCommand(
  import.meta.dirname,
  process.argv.slice(2),
  { result: (line) => writeSync(1, `${line}\n`), note: (line) => console.error(line) },
  stop.signal,
)
// A proof that was stopped may still wait for something that comes no more.
process.exit()
