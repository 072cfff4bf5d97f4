import type { Command } from 'commander'
import type { LogExportOptions } from './log-export.ts'
import type { InspectOptions } from './log-inspect.ts'
import type { RepairOptions } from './log-repair.ts'
import type { VerifyOptions } from './log-verify.ts'

/** Adds the commands about the log of a data folder. */
export function addLog(program: Command, run: (command: () => Promise<number>) => Promise<void>): void {
  const log = program.command('log').description('the log of a data folder')
  const data = ['-d, --data <folder>', 'data folder', './data'] as const

  log
    .command('inspect')
    .description('what its segments hold, from end to end; also beside a running Sluice')
    .option(...data)
    .option('--json', 'one JSON object a segment')
    .action((options: InspectOptions) => run(async () => (await import('./log-inspect.ts')).inspect(options)))

  log
    .command('verify')
    .description('go through all of it and say what is damaged and lost; also beside a running Sluice')
    .option(...data)
    .option('--json', 'one JSON object')
    .action((options: VerifyOptions) => run(async () => (await import('./log-verify.ts')).verify(options)))

  log
    .command('repair')
    .description('set aside what is damaged and make it whole, while Sluice is stopped')
    .option(...data)
    .option('--dry-run', 'say what is damaged and change nothing')
    .action((options: RepairOptions) => run(async () => (await import('./log-repair.ts')).repair(options)))

  log
    .command('export')
    .description('what it holds as NDJSON; also beside a running Sluice, and from a damaged log')
    .option(...data)
    .option('--stream <name>', 'only this one, such as readings, which edits belong to')
    .option('--from <time|number>', 'RFC 3339 such as 2026-01-15T10:30:00Z, or a number of the log')
    .option('--to <time|number>', 'the same; the end is not part of it')
    .option('-o, --out <file>', 'file to write; default standard output')
    .action((options: LogExportOptions) =>
      run(async () => (await import('./log-export.ts')).exportLog(options)),
    )
}
