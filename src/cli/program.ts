import { Command, CommanderError, Option } from 'commander'
import { printableLines } from '../lib/printable.ts'
import { version } from '../lib/version.ts'
import type { ConfigOptions } from './config-options.ts'
import { addDeadLetters } from './dead-letters.ts'
import type { DemoClearOptions } from './demo-clear.ts'
import type { ExportOptions } from './export.ts'
import { exitCode, exitCodeOf } from './failure.ts'
import { addLog } from './log.ts'
import {
  count,
  doorUrl,
  finite,
  hertz,
  httpUrl,
  positive,
  prefix,
  rowsASecond,
  seed,
  some,
} from './option-values.ts'
import type { ProveCommandOptions } from './prove.ts'
import type { QueryOptions } from './query.ts'
import type { ReplayOptions } from './replay-options.ts'
import type { SimulateOptions } from './simulate.ts'
import type { TailOptions } from './tail.ts'
import type { TopOptions } from './top.ts'
import { sorts } from './top-table.ts'

// A reader such as `head` may have enough before we are done.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const program = new Command('sluice')
  .description(
    'Telemetry and event platform: acknowledged only when safe on disk, delivered exactly once to every store.',
  )
  .version(version)
  .showHelpAfterError('Try it with --help.')
  .exitOverride()
  // Else a command that has commands of its own would take their options.
  .enablePositionalOptions()

const collect = (value: string, all: string[]) => [...all, value]

program
  .command('up')
  .description('run Sluice')
  .option('-c, --config <file>', 'configuration file (YAML)')
  .option('-d, --data <folder>', 'data folder (default ./data)')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .option('--demo', 'with a small simulated fleet (demo-*, kept a day)')
  .option('--no-demo', 'without it')
  .action((options: ConfigOptions) => run(async () => (await import('./up.ts')).up(options)))

program
  .command('simulate')
  .description('send what a fleet of simulated devices measures, over MQTT (QoS 1) or HTTP')
  .option(
    '--url <url>',
    'where to: mqtt[s]://host:port, ws://host:port/mqtt or http://host:port',
    doorUrl,
    'mqtt://127.0.0.1:1883',
  )
  .option('--ca <file>', 'authority to trust at mqtts:// and wss://, as PEM')
  .option(
    '--preset <name>',
    'hivepulse (200 devices × 100/s), sensors (10 × 25 kHz), nexus (100 PLCs × 10/s)',
  )
  .option('--trackers <n>', 'vehicles that move on a map (F1)', count)
  .option('--accelerometers <n>', 'vibration sensors (F3)', count)
  .option('--plcs <n>', 'PLCs with five tags each (F6)', count)
  .option('--prefix <text>', 'begin of the device ids', prefix)
  .option('--rate <n>', 'messages a second of each device', positive)
  .option('--connections <n>', 'connections to share', some)
  .option('--duration <seconds>', 'stop after this time; without it on Ctrl-C', positive)
  .option('--seed <n>', 'the same seed gives the same fleet', seed, 1)
  .option('--frequency <hertz>', 'samples a second of an accelerometer', hertz)
  .option('--amplitude <A>', 'one sine A sin(ωt + φ) instead of the seven', finite)
  .option('--omega <ω>', 'its ω in rad/s', finite)
  .option('--phase <φ>', 'its φ in rad', finite)
  .option('--noise <sigma>', 'standard deviation of the noise', finite)
  .action((options: SimulateOptions) => run(async () => (await import('./simulate.ts')).runSimulate(options)))

program
  .command('prove')
  .description('send from a verifying fleet, do faults to the server, and judge every record in every sink')
  .option(
    '--url <url>',
    'a running Sluice, http://host:port; without it one is started for the proof',
    httpUrl,
  )
  .option('--seconds <n>', 'for how long the fleet sends', positive, 30)
  .option('--devices <n>', 'clients: MQTT 3.1.1 and 5, QoS 1 and 2, and HTTP in turn', some, 20)
  .option('--rate <n>', 'records a second of all devices together; without it as fast as they can', positive)
  .option('--seed <n>', 'the same seed gives the same records and faults; without it by chance', seed)
  .addOption(
    new Option('--qos <1|2|mixed>', 'of the MQTT devices').choices(['1', '2', 'mixed']).default('mixed'),
  )
  .option('--faults <names>', 'what is done to the server meanwhile, such as kill,term')
  .option('-d, --data <folder>', 'a new folder for data and ledger, which is kept (default: a temporary one)')
  .option('-c, --config <file>', "the server's configuration file (YAML)")
  .option('--set <path=value>', "set one of the server's configuration values, may be repeated", collect, [])
  .option('--json', 'one JSON object')
  .option('--keep', 'keep data and ledger also when all is right')
  .action((options: ProveCommandOptions) =>
    run(async () => (await import('./prove.ts')).proveCommand(options)),
  )

const serverOption = ['--url <url>', 'the running Sluice', httpUrl, 'http://127.0.0.1:8080'] as const

program
  .command('check')
  .description('check the configuration, every fault at once, and print what is in effect')
  .option('-c, --config <file>', 'configuration file (YAML)')
  .option('-d, --data <folder>', 'data folder (default ./data)')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .option('--demo', 'as of "up --demo"')
  .option('--no-demo', 'without it')
  .action((options: ConfigOptions) => run(async () => (await import('./check.ts')).check(options)))

program
  .command('query [device]')
  .description('readings of a device, or the newest value of everything')
  .option(...serverOption)
  .option('-m, --metric <name>', 'one metric only')
  .option('--from <time>', 'ms since 1970, RFC 3339 such as 2026-01-15T10:30:00Z, or -1h')
  .option('--to <time>', 'the same; default now')
  .option('--step <duration>', 'in buckets, such as 1m')
  .option('--aggregate <names>', 'avg,min,max,sum,count,first,last,worstQuality')
  .option('--limit <n>', 'at most this many rows')
  .addOption(new Option('--order <asc|desc>', 'by time').choices(['asc', 'desc']))
  .option('--json', 'the answer as it is')
  .action((device: string | undefined, options: QueryOptions) =>
    run(async () => (await import('./query.ts')).query(device, options)),
  )

program
  .command('export <device>')
  .description('a range of readings as CSV or Parquet')
  .option(...serverOption)
  .option('-m, --metric <name>', 'one metric only')
  .option('--from <time>', 'ms since 1970, RFC 3339 such as 2026-01-15T10:30:00Z, or -1h')
  .option('--to <time>', 'the same; default now')
  .addOption(
    new Option('-f, --format <csv|parquet>', 'form of the file').choices(['csv', 'parquet']).default('csv'),
  )
  .option('-o, --out <file>', 'file to write; default standard output')
  .action((device: string, options: ExportOptions) =>
    run(async () => (await import('./export.ts')).exportReadings(device, options)),
  )

program
  .command('top')
  .description('what flows now: rates by source, client, topic and sink, once a second; q ends it, s sorts')
  .option(...serverOption)
  .option('--limit <n>', 'clients and topics: the busiest n, at most 100', some)
  .addOption(new Option('--sort <column>', 'of clients and topics').choices(sorts).default('rate'))
  .option('--once', 'one look of a second')
  .option('--json', 'one JSON object a line')
  .action((options: TopOptions) => run(async () => (await import('./top.ts')).top(options)))

program
  .command('tail')
  .description('readings as they come, or the messages of a topic')
  .option(...serverOption)
  .option(
    '--topic <filter>',
    'MQTT messages as the gateway hands them out, such as site1/#, instead of readings',
  )
  .option('--devices <pattern>', '* is a wildcard', '*')
  .option('--metrics <pattern>', '* is a wildcard', '*')
  .option('--json', 'one JSON object a line')
  .action((options: TailOptions) => run(async () => (await import('./tail.ts')).tail(options)))

const replay = program
  .command('replay')
  .description(
    'give a sink once more what the log holds, beside live traffic, or fill an empty store while Sluice is stopped',
  )
  .option(...serverOption)
  .option('--sink <name>', 'the store or sink of the running Sluice that rows are given to')
  .option(
    '--from <time|cursor>',
    'time of writing into the log, or a live cursor; default all that the log holds',
  )
  .option('--to <time|cursor>', 'the same; default where the log stands now')
  .option(
    '--from-store <name>',
    'instead of the log: copy a whole store, what the log no longer holds too, to the store that --to names',
  )
  .option('--rate <rows>', 'rows a second; default as many as live traffic leaves room for', rowsASecond)
  .option('--name <name>', 'name of the replay; default the sink and a number')
  .option('--wait', 'until it is done, and say what came of it')
  .option('--offline', 'in this process, while Sluice is stopped; with the same --name and bounds it goes on')
  .option(
    '--into <name>',
    'an empty store, a new file <name>.duckdb in the data folder, while Sluice is stopped',
  )
  .option('-c, --config <file>', 'configuration file (YAML), with --into and --offline')
  .option('-d, --data <folder>', 'data folder (default ./data), with --into and --offline')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .action((options: ReplayOptions) => run(async () => (await import('./replay.ts')).replay(options)))

replay
  .command('list')
  .description('replays that run, and those that have ended')
  .option(...serverOption)
  .option('--json', 'one JSON object a line')
  .action((options: { url: string; json?: boolean }) =>
    run(async () => (await import('./replay-live.ts')).listReplays(options)),
  )

replay
  .command('cancel <name>')
  .description('cancel one that runs, or forget one that has ended; what it has written stays')
  .option(...serverOption)
  .action((name: string, options: { url: string }) =>
    run(async () => (await import('./replay-live.ts')).endReplay(name, options)),
  )

addDeadLetters(program, run)

addLog(program, run)

program
  .command('demo')
  .description('the demo fleet')
  .command('clear')
  .description('delete the readings of all demo-* devices')
  .option(...serverOption)
  .action((options: DemoClearOptions) =>
    run(async () => (await import('./demo-clear.ts')).demoClear(options)),
  )

try {
  await program.parseAsync()
} catch (error) {
  // Commander has said what is wrong, or shown the help or version that was asked for.
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage
}

/** Runs a command; a failure is a sentence on standard error and an exit code. */
async function run(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    process.stderr.write(
      `sluice: ${printableLines(error instanceof Error ? error.message : String(error))}\n`,
    )
    process.exitCode = exitCodeOf(error)
  }
}
