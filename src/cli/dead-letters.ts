import type { Command } from 'commander'
import type { DiscardOptions } from './dead-letters-discard.ts'
import type { LetterExportOptions } from './dead-letters-export.ts'
import type { LetterFilterOptions } from './dead-letters-filter.ts'
import type { ListOptions, ShowOptions } from './dead-letters-list.ts'
import type { LetterReplayOptions } from './dead-letters-replay.ts'
import { httpUrl, some } from './option-values.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** `sluice dead-letters …`: records that could not be taken. */
export function addDeadLetters(program: Command, run: Run): void {
  const letters = program.command('dead-letters').description('records that could not be taken')
  const command = (name: string, description: string) =>
    letters
      .command(name)
      .description(description)
      .option('--url <url>', 'the running Sluice', httpUrl, 'http://127.0.0.1:8080')

  filtered(command('list', 'letters, newest first'))
    .option('--limit <n>', 'at most this many', some, 50)
    .option('--json', 'one JSON object a line, with its bytes')
    .action((options: ListOptions) =>
      run(async () => (await import('./dead-letters-list.ts')).listLetters(options)),
    )
  command('show <id>', 'one letter')
    .option('--bytes', 'its original bytes and nothing else, as they came')
    .option('--json', 'one JSON object')
    .action((id: string, options: ShowOptions) =>
      run(async () => (await import('./dead-letters-list.ts')).showLetter(id, options)),
    )
  filtered(command('export', 'all letters that fit as NDJSON, oldest first'))
    .option('-o, --out <file>', 'file to write; default standard output')
    .action((options: LetterExportOptions) =>
      run(async () => (await import('./dead-letters-export.ts')).exportLetters(options)),
    )
  filtered(command('replay [id]', 'read a letter again, or all that fit; --to now means all'))
    .option('--text <text>', 'JSON to read instead of its bytes')
    .option('--file <file>', 'bytes to read instead of its own')
    .option('--topic <topic>', 'the topic whose names hold, instead of the one that it came by')
    .option('-y, --yes', 'do not ask')
    .action((id: string | undefined, options: LetterReplayOptions) =>
      run(async () => (await import('./dead-letters-replay.ts')).replayLetters(id, options)),
    )
  filtered(
    command(
      'discard [id]',
      'remove a letter, or all that fit all that is given, for good; --to now removes all',
    ),
  ).action((id: string | undefined, options: DiscardOptions) =>
    run(async () => (await import('./dead-letters-discard.ts')).discardLetters(id, options)),
  )
}

/** The options of `LetterFilterOptions`. */
function filtered(command: Command): Command {
  const options: Readonly<Record<`${keyof LetterFilterOptions} <${string}>`, string>> = {
    'device <name>': 'of this device',
    'source <name>': 'that came through this door, or that this sink refused',
    'code <code>': 'with this code, such as undecodable',
    'from <time>': 'ms since 1970, RFC 3339 such as 2026-01-15T10:30:00Z, or -1h',
    'to <time>': 'the same; default no bound',
  }
  for (const [name, description] of Object.entries(options)) command.option(`--${name}`, description)
  return command
}
