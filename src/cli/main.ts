#!/usr/bin/env node
import module from 'node:module'
import { Command } from 'commander'

// Compiled code is kept between starts: the first acknowledgement comes sooner.
module.enableCompileCache()

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
  .action(async (options) => {
    const { up } = await import('./up.ts')
    process.exitCode = await up(options)
  })

await program.parseAsync()
