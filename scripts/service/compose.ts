import { spawnSync } from 'node:child_process'
import path from 'node:path'
import type { ServiceTable } from './table.ts'

const file = path.resolve(import.meta.dirname, '../../deploy/compose/services.yaml')

/** `up`, `down` and `env` with containers in place of programs of this machine. Tests that start servers of their own still need those. */
export function runCompose(
  verb: string | undefined,
  table: ServiceTable,
  print: (line: string) => void,
): number {
  switch (verb) {
    case 'up':
      return docker('up', '--detach', '--wait')
    case 'down':
      return docker('down', '--volumes')
    case 'status':
      return docker('ps')
    case 'env':
      for (const server of table.servers) {
        const variables = server.variables(server.ports, '')
        for (const name of server.inContainer) print(`export ${name}=${variables[name]}`)
      }
      return 0
    default:
      return 2
  }
}

function docker(...args: readonly string[]): number {
  const { status, error } = spawnSync('docker', ['compose', '--file', file, ...args], { stdio: 'inherit' })
  if (error !== undefined) console.error(`error: docker: ${error.message}`)
  return status ?? 1
}
