import { serviceTable } from '../../scripts/service/table.ts'
import { findTool } from '../../scripts/service/tools.ts'

/**
 * For a test that calls programs beyond npm: `test('…', { skip: needs('mosquitto_pub') }, …)`. False where they are there; else the
 * reason, which the runner prints. With CI set nothing is skipped: there a missing program is a failure.
 */
export function needs(...names: readonly string[]): string | false {
  const missing = names.filter((name) => pathOf(name) === undefined)
  if (missing.length === 0) return false
  const reason = `needs ${missing.join(', ')}: run scripts/services up`
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(reason)
  return reason
}

/** The program that `needs` has found. */
export function toolPath(name: string): string {
  const found = pathOf(name)
  if (found === undefined) throw new Error(`there is no ${name}: run scripts/services up`)
  return found
}

function pathOf(name: string): string | undefined {
  const tool = serviceTable.tools.find((tool) => tool.name === name)
  if (tool === undefined) throw new Error(`scripts/service/table.ts has no ${name}`)
  return findTool(tool)
}
