#!/usr/bin/env node
import module from 'node:module'
import { Command } from 'commander'
import { count, finite, positive } from './numbers.ts'
import type { SimulateOptions } from './simulate.ts'

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
  .action(async (options: SimulateOptions) => {
    const { runSimulate } = await import('./simulate.ts')
    process.exitCode = await runSimulate(options)
  })

await program.parseAsync()
