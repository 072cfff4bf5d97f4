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
    const found = folders.map((folder) => path.join(folder, program)).find(isProgram)
    if (found !== undefined) return found
  }
  return undefined
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

  print(`installing ${packages.join(', ')}`)
  const apt = (...args: string[]) => {
    const [program = '', ...rest] = [...root, 'apt-get', '-o', 'DPkg::Lock::Timeout=300', '-q', ...args]
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
