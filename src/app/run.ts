import type { Logger } from 'pino'
import { saveCompiledCode } from '../lib/compile-cache.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import { buildSluice, type Sluice } from './build.ts'
import type { Config } from './config/config.ts'

/** Most that a stop may take: delivery.md's promise to whoever sent SIGTERM. */
const stopWithinMs = 10_000
/** What an end at once may take, on a busy machine too. */
const endWithinMs = 2_000

/**
 * Runs Sluice until SIGTERM or SIGINT, then stops it in order; a second signal ends the process at once. Returns the exit code.
 * Nothing acknowledged depends on a clean stop.
 */
export async function runSluice(
  config: Config,
  logger: Logger,
  print: (line: string) => void,
  onReady: (sluice: Sluice, signal: AbortSignal) => void = () => undefined,
): Promise<number> {
  // Before anything is built: a signal during the start must end in a clean stop too.
  const signal = Promise.withResolvers<string>()
  let sluice: Sluice | undefined
  const onSignal = (name: string) => {
    process.once(name, () => {
      logger.warn(`${name} again: ending at once`)
      sluice?.kill()
      process.exit(1)
    })
    signal.resolve(name)
  }
  process.once('SIGTERM', onSignal)
  process.once('SIGINT', onSignal)

  try {
    sluice = await buildSluice(config, logger)
  } catch (error) {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
    throw error
  }
  for (const [door, address] of Object.entries(sluice.addresses)) print(`${door.padEnd(9)}${address}`)
  saveCompiledCode()
  print(`ready    data in ${config.data}, log ${sluice.log.id}`)
  const stopping = new AbortController()
  onReady(sluice, stopping.signal)

  const reason = await Promise.race([signal.promise, sluice.died])
  if (reason instanceof Error) {
    logger.fatal({ err: reason }, 'a part that nothing can go on without has died')
    sluice.kill()
    // The doors still listen and would keep the process; nothing behind them can acknowledge any more.
    process.exit(1)
  }
  logger.info(`${reason}: stopping`)
  stopping.abort()
  const running = sluice
  const deadline = setTimeout(() => {
    logger.error(
      `not stopped after ${stopWithinMs - endWithinMs} ms: ending at once; nothing acknowledged is lost`,
    )
    running.kill()
    process.exit(1)
  }, stopWithinMs - endWithinMs)
  await sluice.stop()
  // It keeps nothing alive, and holds for whatever else might.
  deadline.unref()
  logger.info('stopped')
  return 0
}

/** The command, the configuration or the data folder it names cannot be used. */
const unusable: ReadonlySet<ErrorCode> = new Set(['config-invalid', 'log-locked', 'log-version'])

/** A sentence for whoever started the program, and the exit code that goes with it. */
export function explainFailure(error: unknown): { message: string; exitCode: number } {
  if (error instanceof SluiceError)
    return { message: `${error.message} (${error.code})`, exitCode: unusable.has(error.code) ? 2 : 1 }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 }
}
