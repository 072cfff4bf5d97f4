import { components } from '../app/components.ts'
import { loadConfig } from '../app/config/load.ts'
import { explainFailure, runSluice } from '../app/run.ts'
import { createLogger } from '../lib/logger.ts'

export interface UpOptions {
  readonly config?: string
  readonly data?: string
  readonly set: readonly string[]
  readonly demo?: boolean
}

/** `sluice up`: runs until a signal; returns the exit code. */
export async function up(options: UpOptions): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  try {
    const sets = options.data === undefined ? options.set : [`data=${options.data}`, ...options.set]
    const config = await loadConfig({ file: options.config, env: process.env, sets, components })
    return await runSluice(config, createLogger(config.logging), say)
  } catch (error) {
    const { message, exitCode } = explainFailure(error)
    process.stderr.write(`sluice: ${message}\n`)
    return exitCode
  }
}
