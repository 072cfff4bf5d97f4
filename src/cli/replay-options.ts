import type { ConfigOptions } from './config-options.ts'

/** What `sluice replay` is told. */
export interface ReplayOptions extends ConfigOptions {
  readonly url: string
  readonly into?: string
  readonly sink?: string
  readonly fromStore?: string
  readonly from?: string
  readonly to?: string
  readonly rate?: number
  readonly name?: string
  readonly wait?: boolean
  readonly offline?: boolean
}
