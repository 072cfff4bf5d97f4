import path from 'node:path'
import { runCompose } from './compose.ts'
import { runningPid, startServer, stopServer, variablesOf } from './servers.ts'
import { type ServiceTable, serviceTable } from './table.ts'
import { findTool, installTools } from './tools.ts'

/** Where servers keep their data and what is fetched for them. */
export const home = path.resolve(import.meta.dirname, '../../.services')
const usage = 'usage: scripts/services up | down | status | env  [--compose]'

/** Does what the word says, prints for people (`env`: for a shell), and returns the exit code. */
export async function runServices(
  verb: string | undefined,
  table: ServiceTable,
  home: string,
  print: (line: string) => void,
): Promise<number> {
  const tools = [...new Set([...table.tools, ...table.servers.flatMap((server) => server.tools)])]
  switch (verb) {
    case 'up': {
      const problems = installTools(tools, print)
      const started = await Promise.allSettled(
        table.servers.map(async (server) => {
          await server.install?.(print)
          await startServer(server, home)
        }),
      )
      for (const end of started)
        if (end.status === 'rejected')
          problems.push(end.reason instanceof Error ? end.reason.message : String(end.reason))
      const code = status(table, home, print)
      for (const problem of problems) print(`error: ${problem}`)
      return problems.length > 0 ? 1 : code
    }
    case 'down':
      await Promise.all(table.servers.map((server) => stopServer(server, home)))
      print(`${table.servers.length} servers stopped; tools stay installed`)
      return 0
    case 'status':
      return status(table, home, print)
    case 'env':
      for (const tool of tools) {
        const found = findTool(tool)
        if (found !== undefined) print(`export ${tool.variable}=${quoted(found)}`)
      }
      for (const server of table.servers) {
        if (runningPid(server, home) === undefined) continue
        for (const [name, value] of Object.entries(variablesOf(server, home)))
          print(`export ${name}=${quoted(value)}`)
      }
      return 0
    default:
      print(usage)
      return 2
  }
}

function status(table: ServiceTable, home: string, print: (line: string) => void): number {
  let missing = 0
  for (const tool of table.tools) {
    const found = findTool(tool)
    if (found === undefined) missing++
    print(`${tool.name.padEnd(16)}${(found ?? 'missing').padEnd(28)}${tool.why}`)
  }
  for (const server of table.servers) {
    const pid = runningPid(server, home)
    if (pid === undefined) missing++
    const state = pid === undefined ? 'down' : `pid ${pid}, port ${Object.values(server.ports)[0]}`
    print(`${server.name.padEnd(16)}${state.padEnd(28)}${server.why}`)
  }
  return missing > 0 ? 1 : 0
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

if (import.meta.main)
  process.exitCode =
    process.argv[3] === '--compose'
      ? runCompose(process.argv[2], serviceTable, (line) => console.log(line))
      : await runServices(process.argv[2], serviceTable, home, (line) => console.log(line))
