#!/usr/bin/env node
import module from 'node:module'
import { Command } from 'commander'
import type { CheckOptions } from './check.ts'
import type { DemoClearOptions } from './demo-clear.ts'
import type { ExportOptions } from './export.ts'
import type { InspectOptions } from './log-inspect.ts'
import { count, finite, positive } from './numbers.ts'
import type { QueryOptions } from './query.ts'
import type { ReplayOptions } from './replay.ts'
import type { SimulateOptions } from './simulate.ts'
import type { TailOptions } from './tail.ts'
import type { UpOptions } from './up.ts'

// Compiled code is kept between starts: the first acknowledgement comes sooner.
module.enableCompileCache()

// A reader such as `head` may have enough before we are done.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const program = new Command('sluice')
  .description(
    'Telemetry and event platform: acknowledged only when safe on disk, delivered exactly once to every store.',
  )
  .showHelpAfterError()

const collect = (value: string, all: string[]) => [...all, value]

program
  .command('up')
  .description('run Sluice')
  .option('-c, --config <file>', 'configuration file (YAML)')
  .option('-d, --data <folder>', 'data folder (default ./data)')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .option('--demo', 'with a small simulated fleet (demo-*)')
  .option('--no-demo', 'without it')
  .action((options: UpOptions) => run(async () => (await import('./up.ts')).up(options)))

program
  .command('simulate')
  .description('send what a fleet of simulated devices measures, over MQTT (QoS 1) or HTTP')
  .option('--url <url>', 'where to: mqtt://host:port or http://host:port', 'mqtt://127.0.0.1:1883')
  .option(
    '--preset <name>',
    'hivepulse (200 devices × 100/s), sensors (10 × 25 kHz), nexus (100 PLCs × 10/s)',
  )
  .option('--trackers <n>', 'vehicles that move on a map (F1)', count)
  .option('--accelerometers <n>', 'vibration sensors (F3)', count)
  .option('--plcs <n>', 'PLCs with five tags each (F6)', count)
  .option('--prefix <text>', 'begin of the device ids')
  .option('--rate <n>', 'messages a second of each device', positive)
  .option('--connections <n>', 'connections to share', count)
  .option('--duration <seconds>', 'stop after this time; without it on Ctrl-C', positive)
  .option('--seed <n>', 'the same seed gives the same fleet', count, 1)
  .option('--frequency <hertz>', 'samples a second of an accelerometer', positive)
  .option('--amplitude <A>', 'one sine A sin(ωt + φ) instead of the seven', finite)
  .option('--omega <ω>', 'its ω in rad/s', finite)
  .option('--phase <φ>', 'its φ in rad', finite)
  .option('--noise <sigma>', 'standard deviation of the noise', finite)
  .action((options: SimulateOptions) => run(async () => (await import('./simulate.ts')).runSimulate(options)))

const serverOption = ['--url <url>', 'the running Sluice', 'http://127.0.0.1:8080'] as const

program
  .command('check')
  .description('check the configuration, every fault at once, and print what is in effect')
  .option('-c, --config <file>', 'configuration file (YAML)')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .action((options: CheckOptions) => run(async () => (await import('./check.ts')).check(options)))

program
  .command('query [device]')
  .description('readings of a device, or the newest value of everything')
  .option(...serverOption)
  .option('-m, --metric <name>', 'one metric only')
  .option('--from <time>', 'ms since 1970, RFC 3339, or as -1h')
  .option('--to <time>', 'the same; default now')
  .option('--step <duration>', 'in buckets, such as 1m')
  .option('--aggregate <names>', 'avg,min,max,sum,count,first,last,worstQuality')
  .option('--limit <n>', 'at most this many rows')
  .option('--order <asc|desc>', 'by time')
  .option('--json', 'the answer as it is')
  .action((device: string | undefined, options: QueryOptions) =>
    run(async () => (await import('./query.ts')).query(device, options)),
  )

program
  .command('export <device>')
  .description('a range of readings as CSV or Parquet')
  .option(...serverOption)
  .option('-m, --metric <name>', 'one metric only')
  .option('--from <time>', 'ms since 1970, RFC 3339, or as -1h')
  .option('--to <time>', 'the same; default now')
  .option('-f, --format <csv|parquet>', 'form of the file', 'csv')
  .option('-o, --out <file>', 'file to write; default standard output')
  .action((device: string, options: ExportOptions) =>
    run(async () => (await import('./export.ts')).exportReadings(device, options)),
  )

program
  .command('tail')
  .description('readings as they come')
  .option(...serverOption)
  .option('--devices <pattern>', '* is a wildcard', '*')
  .option('--metrics <pattern>', '* is a wildcard', '*')
  .option('--json', 'one JSON object a line')
  .action((options: TailOptions) => run(async () => (await import('./tail.ts')).tail(options)))

program
  .command('replay')
  .description('fill an empty embedded store from the log, while Sluice is stopped')
  .requiredOption('--into <name>', 'the store, a new file <name>.duckdb in the data folder')
  .option('-c, --config <file>', 'configuration file (YAML)')
  .option('-d, --data <folder>', 'data folder (default ./data)')
  .option('--set <path=value>', 'set one configuration value, may be repeated', collect, [])
  .action((options: ReplayOptions) => run(async () => (await import('./replay.ts')).replay(options)))

program
  .command('log')
  .description('the log of a data folder')
  .command('inspect')
  .description('what its segments hold, from end to end; also beside a running Sluice')
  .option('-d, --data <folder>', 'data folder', './data')
  .option('--json', 'one JSON object a segment')
  .action((options: InspectOptions) => run(async () => (await import('./log-inspect.ts')).inspect(options)))

program
  .command('demo')
  .description('the demo fleet')
  .command('clear')
  .description('delete the readings of all demo-* devices')
  .option(...serverOption)
  .action((options: DemoClearOptions) =>
    run(async () => (await import('./demo-clear.ts')).demoClear(options)),
  )

await program.parseAsync()

/** Runs a command; a failure is a sentence on standard error and an exit code. */
async function run(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = error instanceof Error && 'code' in error && error.code === 'config-invalid' ? 2 : 1
  }
}
