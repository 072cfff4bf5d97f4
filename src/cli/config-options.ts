import { components } from '../app/components.ts'
import type { ConfigSources } from '../app/config/load.ts'
import { keepDemoADay } from './demo-retention.ts'

/** What the commands that take a configuration take. */
export interface ConfigOptions {
  readonly config?: string
  readonly data?: string
  readonly set: readonly string[]
  readonly demo?: boolean
}

/** Where the configuration comes from: the same for every command, so that `check` shows what `up` will do. */
export function configSources({ config, data, set, demo }: ConfigOptions): ConfigSources {
  return {
    file: config,
    env: process.env,
    sets: data === undefined ? set : [`data=${data}`, ...set],
    components,
    ...(demo === true ? { complete: keepDemoADay } : {}),
  }
}
