import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const program = path.resolve(import.meta.dirname, '../src/cli/main.ts')
const effective = z.object({ http: z.object({ host: z.string(), port: z.number().min(1) }) })

/** Where `sluice up` with these arguments will listen for HTTP, as `sluice check` tells; faults stand on standard error. */
export function serverUrl(args: readonly string[]): string {
  const { status, stdout } = spawnSync(process.execPath, [program, 'check', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('the configuration has faults')
  const { host, port } = effective.parse(parse(stdout)).http
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
