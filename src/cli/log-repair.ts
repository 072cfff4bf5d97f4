import path from 'node:path'
import { repairData, verifyData } from '../app/log-tools.ts'
import { printableLines } from '../lib/printable.ts'
import { exitCode } from './failure.ts'
import { describeFault, describeTail, sound } from './log-verify.ts'

export interface RepairOptions {
  readonly data: string
  readonly dryRun?: boolean
}

/** `sluice log repair`: makes a damaged log whole, while Sluice is stopped. Exit code 1 if something stays damaged. */
export function repair({ data, dryRun }: RepairOptions): Promise<number> {
  if (dryRun === true) {
    const { faults, tailBytes } = verifyData(data)
    const lines = [...faults.map(describeFault), ...describeTail(tailBytes)]
    lines.push(faults.length === 0 ? nothingToRepair(tailBytes) : 'nothing was changed (--dry-run)')
    return end(lines, faults.length > 0)
  }
  const { before, after, rewritten, setAside } = repairData(data)
  const lines = before.faults.map(describeFault)
  const tail = describeTail(after.tailBytes)
  if (before.faults.length === 0) lines.push(...tail, nothingToRepair(after.tailBytes))
  for (const file of rewritten) lines.push(`${file} was written anew`)
  for (const file of setAside) lines.push(`damaged bytes are kept in ${path.relative('', file)}`)
  if (rewritten.length === 0 && before.faults.length > 0)
    lines.push(
      'nothing could be repaired: no segment has a whole header, and without one no commit can be read',
    )
  else if (before.faults.length > 0)
    lines.push(...tail, after.faults.length > 0 ? 'what stays:' : sound(after.tailBytes))
  lines.push(...(rewritten.length === 0 ? [] : after.faults.map(describeFault)))
  return end(lines, after.faults.length > 0)
}

function nothingToRepair(tailBytes: number): string {
  return `${sound(tailBytes)}: there is nothing to repair`
}

function end(lines: readonly string[], isDamaged: boolean): Promise<number> {
  process.stdout.write(`${printableLines(lines.join('\n'))}\n`)
  return Promise.resolve(isDamaged ? exitCode.failed : exitCode.ok)
}
