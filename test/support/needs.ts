import { home } from '../../scripts/service/main.ts'
import { runningPid, variablesOf } from '../../scripts/service/servers.ts'
import { type Server, serviceTable, type Tool } from '../../scripts/service/table.ts'
import { shimUnavailable } from '../../src/prove/disk-shim/disk-shim.ts'
import { findTool, toolPath as pathOfTool } from '../../scripts/service/tools.ts'

/**
 * For a test that calls programs beyond npm, or speaks to a server: `test('…', { skip: needs('mosquitto_pub', 'rabbitmq') }, …)`. False
 * where they are there, and then it prints the servers with their versions; else the reason, which the runner prints. With CI set
 * nothing is skipped: there a missing one is a failure.
 */
export function needs(...names: readonly string[]): string | false {
  const servers = serviceTable.servers.filter((server) => names.includes(server.name))
  const tools = names.filter((name) => !servers.some((server) => server.name === name)).map(toolNamed)
  return (
    reason([
      ...tools.filter((tool) => findTool(tool) === undefined).map((tool) => tool.name),
      ...servers.filter((server) => variables(server) === undefined).map((server) => server.name),
    ]) || told(servers.map((server) => `${server.name} at ${whereIs(server)}`))
  )
}

/** As `needs`, for a test that starts servers of its own (test/support/own-server.ts): what they run on must be there. */
export function needsToStart(...names: readonly string[]): string | false {
  const servers = names.map(serverNamed)
  const missing = servers.filter((server) => !canStart(server)).map((server) => server.name)
  return reason(missing) || told(servers.map((server) => `${server.name} ${server.version()} of its own`))
}

/** As `needs`, for what lies between a program and its disk (src/prove/disk-shim). */
export async function needsShim(): Promise<string | false> {
  const why = await shimUnavailable()
  if (why !== undefined && (process.env['CI'] ?? '') !== '') throw new Error(why)
  return why ?? false
}

/** The program that `needs` has found. */
export function toolPath(name: string): string {
  return pathOfTool(toolNamed(name))
}

/** A variable of the server that `needs` has found, such as `TEST_MOSQUITTO_URL`. */
export function serverVariable(server: string, variable: string): string {
  const value = variables(serverNamed(server))?.[variable]
  if (value === undefined) throw new Error(`there is no ${variable}: run scripts/services up`)
  return value
}

/** As the environment says if it names the server; else of the one that `scripts/services up` has started. */
function variables(server: Server): Readonly<Record<string, string>> | undefined {
  const own = variablesOf(server, home)
  const set: Record<string, string> = {}
  for (const name of Object.keys(own)) {
    const value = process.env[name] ?? ''
    if (value !== '') set[name] = value
  }
  const first = Object.keys(own)[0]
  if (first !== undefined && set[first] !== undefined) return set
  return runningPid(server, home) === undefined ? undefined : own
}

/** A server that was named by hand is somebody else's: its version is not known here. */
function whereIs(server: Server): string {
  const where = Object.values(variables(server) ?? {})[0]
  const own = variablesOf(server, home)
  const isOwn = runningPid(server, home) !== undefined && where === Object.values(own)[0]
  return isOwn ? `${where}, version ${server.version()}` : `${where}, as the environment says`
}

function canStart(server: Server): boolean {
  return server.tools.every((tool) => findTool(tool) !== undefined) && (server.installed?.() ?? true)
}

function reason(missing: readonly string[]): string | false {
  if (missing.length === 0) return false
  const reason = `needs ${missing.join(', ')}: run scripts/services up`
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(reason)
  return reason
}

function told(lines: readonly string[]): false {
  for (const line of lines) console.log(`with ${line}`)
  return false
}

function toolNamed(name: string): Tool {
  const tool = serviceTable.tools.find((tool) => tool.name === name)
  if (tool === undefined) throw new Error(`scripts/service/table.ts has no ${name}`)
  return tool
}

function serverNamed(name: string): Server {
  const server = serviceTable.servers.find((server) => server.name === name)
  if (server === undefined) throw new Error(`scripts/service/table.ts has no ${name}`)
  return server
}
