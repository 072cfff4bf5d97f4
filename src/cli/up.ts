import type { Logger } from 'pino'
import type { Sluice } from '../app/build.ts'
import { loadConfig } from '../app/config/load.ts'
import { explainFailure, runSluice } from '../app/run.ts'
import { systemClock } from '../lib/clock.ts'
import { LineWriter } from '../lib/line-writer.ts'
import { createLogger } from '../lib/logger.ts'
import { printableLines } from '../lib/printable.ts'
import { type ConfigOptions, configSources } from './config-options.ts'
import { demoFleet } from './presets.ts'

/** `sluice up`: runs until a signal; returns the exit code. */
export async function up(options: ConfigOptions): Promise<number> {
  // A reader of ours that is gone, or a full disk, ends a command; not what devices depend on.
  const lines = new LineWriter(1, { lost: (count) => `${count} lines could not be written\n` })
  try {
    const config = await loadConfig(configSources(options))
    const logger = createLogger(config.logging)
    return await runSluice(
      config,
      logger,
      (line) => lines.write(`${line}\n`),
      (sluice, signal) => {
        if (!options.demo) return
        runDemo(sluice, logger, signal).catch((error: unknown) =>
          logger.warn({ err: error }, 'the demo fleet stopped'),
        )
      },
    )
  } catch (error) {
    const { message, exitCode } = explainFailure(error)
    process.stderr.write(`sluice: ${printableLines(message)}\n`)
    return exitCode
  }
}

/** The small fleet that makes the first screen alive; its devices are called demo-*. */
async function runDemo(sluice: Sluice, logger: Logger, signal: AbortSignal): Promise<void> {
  const { simulate } = await import('../simulator/simulate.ts')
  const fleet = { ...demoFleet, url: sluice.addresses['mqtt'] ?? '', seed: 1 }
  await simulate(fleet, systemClock, () => logger.info('the demo fleet sends as demo-*'), signal)
}
