import { describeFault } from '../app/config/fault.ts'
import { readConfig } from '../app/config/load.ts'
import { printableLines } from '../lib/printable.ts'
import { type ConfigOptions, configSources } from './config-options.ts'
import { exitCode } from './failure.ts'

/** `sluice check`: every fault of the configuration at once, or the configuration in effect with secrets masked. */
export async function check(options: ConfigOptions): Promise<number> {
  const { faults, printed } = await readConfig(configSources(options))
  if (faults.length === 0) {
    process.stdout.write(printed)
    return exitCode.ok
  }
  for (const fault of faults) process.stderr.write(`${printableLines(describeFault(fault))}\n`)
  process.stderr.write(`${faults.length === 1 ? 'one fault' : `${faults.length} faults`}\n`)
  return exitCode.usage
}
