import { components } from '../app/components.ts'
import { describeFault } from '../app/config/fault.ts'
import { readConfig } from '../app/config/load.ts'

export interface CheckOptions {
  readonly config?: string
  readonly set: readonly string[]
}

/** `sluice check`: every fault of the configuration at once, or the configuration in effect with secrets masked. */
export async function check(options: CheckOptions): Promise<number> {
  const { faults, printed } = await readConfig({
    file: options.config,
    env: process.env,
    sets: options.set,
    components,
  })
  if (faults.length === 0) {
    process.stdout.write(printed)
    return 0
  }
  for (const fault of faults) process.stderr.write(`${describeFault(fault)}\n`)
  process.stderr.write(`${faults.length === 1 ? 'one fault' : `${faults.length} faults`}\n`)
  return 2
}
