import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts')

export interface CommandEnd {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunningCommand {
  /** What it has printed on standard output so far. */
  readonly out: string
  readonly ended: Promise<CommandEnd>
  /** Ctrl-C. */
  interrupt(): void
}

/** Runs `sluice` with these arguments to its end. */
export function runCommand(...args: readonly string[]): Promise<CommandEnd> {
  return startCommand(...args).ended
}

/** Starts `sluice` with these arguments, without what this environment sets for it. */
export function startCommand(...args: readonly string[]): RunningCommand {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')))
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan) // a test that dies leaves nothing behind
  const read = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (read.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (read.err += text))
  const ended = once(child, 'close').then(() => {
    process.off('exit', orphan)
    return { code: child.exitCode, ...read }
  })
  return {
    get out() {
      return read.out
    },
    ended,
    interrupt: () => void child.kill('SIGINT'),
  }
}
