import { describeOrigin, type Origin } from './tree.ts'

/** One thing wrong with the configuration. */
export interface ConfigFault {
  /** The setting, such as `http.port`; '' for the file as a whole. */
  readonly path: string
  readonly origin: Origin
  /** What is wrong and what would be right. */
  readonly message: string
}

/** `http.port (sluice.yaml:3:9): expected …` */
export function describeFault({ path, origin, message }: ConfigFault): string {
  const where = origin.kind === 'default' ? '' : describeOrigin(origin)
  if (path === '') return where === '' ? message : `${where}: ${message}`
  return where === '' ? `${path}: ${message}` : `${path} (${where}): ${message}`
}

/** Those of the file first, in its order; a fault found twice is told once. */
export function inOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  const seen = new Set<string>()
  return faults
    .filter((fault) => {
      const text = describeFault(fault)
      if (seen.has(text)) return false
      seen.add(text)
      return true
    })
    .sort((a, b) => rank(a.origin) - rank(b.origin))
}

function rank(origin: Origin): number {
  return origin.kind === 'file' ? origin.line * 1e4 + origin.column : Number.MAX_SAFE_INTEGER
}
