import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import type { Tool } from './table.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Where the tool is: as its variable says, else where PATH finds it; undefined if it is nowhere. */
export function findTool(tool: Tool, env: Environment = process.env): string | undefined {
  const named = env[tool.variable]
  if (named !== undefined && named !== '') return isProgram(named) ? named : undefined
  // Debian keeps some programs where only root's PATH looks.
  const folders = [...(env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin']
  for (const program of tool.programs) {
    const found = folders.map((folder) => path.resolve(folder, program)).find(isProgram)
    if (found !== undefined) return found
  }
  return undefined
}

/** Where the tool is; throws if it is nowhere. */
export function toolPath(tool: Tool): string {
  const found = findTool(tool)
  if (found === undefined) throw new Error(`there is no ${tool.programs[0]}: run scripts/services up`)
  return found
}

/** Installs the Debian packages of the tools that are missing. Returns what still is, with what to do about it. */
export function installTools(tools: readonly Tool[], print: (line: string) => void): string[] {
  const missing = tools.filter((tool) => findTool(tool) === undefined)
  if (missing.length === 0) return []
  const packages = [...new Set(missing.map((tool) => tool.debian))].sort()
  const byHand = `install by hand: ${missing.map((tool) => tool.programs[0]).join(', ')} (Debian: apt-get install ${packages.join(' ')})`
  if (!isProgram('/usr/bin/apt-get')) return [`there is no apt-get here; ${byHand}`]
  const root = asRoot()
  if (root === undefined) return [`not root, and sudo asks for a password; ${byHand}`]

  const services = missing.flatMap((tool) => tool.services ?? [])
  print(`installing ${packages.join(', ')}`)
  const apt = (...args: string[]) => {
    const words = ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args]
    const [program = '', ...rest] = [...root, 'sh', '-c', aptQuietly, 'sh', services.join(' '), ...words]
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return spawnSync(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', env })
  }
  apt('update')
  const install = apt('install', '-y', '--no-install-recommends', ...packages)
  const still = missing.filter((tool) => findTool(tool) === undefined)
  if (still.length === 0) return []
  const said = install.stderr.trim().split('\n').slice(-5).join('\n')
  return [`apt-get could not install ${still.map((tool) => tool.debian).join(', ')}: ${said}; ${byHand}`]
}

/**
 * apt-get, while no package may start the services it brings (invoke-rc.d asks policy-rc.d before it does); then these services,
 * `$1`, are not started at the next boot either.
 */
const aptQuietly = `
services=$1; shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
apt-get "$@" || exit
if [ -n "$services" ] && [ "$*" != "\${*#*install}" ] && command -v systemctl >/dev/null; then
  systemctl --quiet disable $services || true
fi
`

/** The words before a command that make it run as root, or undefined where that needs a password. */
function asRoot(): string[] | undefined {
  if (process.getuid?.() === 0) return []
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0
    ? ['sudo', '-n', '--preserve-env=DEBIAN_FRONTEND']
    : undefined
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
