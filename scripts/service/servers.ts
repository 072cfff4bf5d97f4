import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Server } from './table.ts'

const startWithinMs = 120_000
const stopWithinMs = 30_000

/** Starts the server unless it runs already, and waits until its ports answer. `home` is .services/. */
export async function startServer(server: Server, home: string): Promise<void> {
  if (runningPid(server, home) !== undefined) return
  const ports = Object.values(server.ports)
  for (const port of ports)
    if (await answers(port)) throw new Error(`port ${port} of ${server.name} is taken by somebody else`)
  const folder = path.join(home, server.name)
  const dataFolder = dataOf(server, home)
  mkdirSync(dataFolder, { recursive: true })
  const { program, args, env } = await server.launch(dataFolder, server.ports)
  const log = openSync(path.join(folder, 'log'), 'a')
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: folder,
    env: { ...process.env, ...env },
  })
  closeSync(log)
  let failure: string | undefined
  child.once('error', (error) => (failure = error.message))
  child.once('exit', (code, signal) => (failure ??= `it ended with ${code ?? signal}`))
  if (child.pid !== undefined)
    writeFileSync(path.join(folder, 'pid'), `${child.pid} ${startTime(child.pid) ?? ''}\n`)
  const deadline = performance.now() + startWithinMs
  for (let port = ports.shift(); port !== undefined; ) {
    if (failure === undefined && (await answers(port))) {
      port = ports.shift()
      continue
    }
    if (failure === undefined && performance.now() > deadline)
      failure = `port ${port} does not answer after ${startWithinMs} ms`
    if (failure !== undefined) {
      await stopServer(server, home)
      const log = readFileSync(path.join(folder, 'log'), 'utf8').trim().split('\n').slice(-5).join('\n')
      throw new Error(`${server.name} did not start: ${failure}\n${log}`)
    }
    await delay(50)
  }
  child.unref()
}

/** Stops the process that `startServer` recorded, and no other; its folder stays. `SIGKILL`: without a chance to tidy up. */
export async function stopServer(
  server: Server,
  home: string,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  const pid = runningPid(server, home)
  if (pid !== undefined) {
    process.kill(pid, signal)
    const deadline = performance.now() + stopWithinMs
    while (runningPid(server, home) === pid) {
      if (performance.now() > deadline) process.kill(pid, 'SIGKILL')
      await delay(50)
    }
    server.afterEnd?.(dataOf(server, home), server.ports)
    // Threads of a killed process may hold its ports for a moment longer than its first one lives.
    for (const port of Object.values(server.ports))
      while ((await answers(port)) && performance.now() < deadline) await delay(50)
  }
  rmSync(path.join(home, server.name, 'pid'), { force: true })
}

/** The recorded process, if it is still the very same one: a pid alone may have been given to another since. */
export function runningPid(server: Server, home: string): number | undefined {
  const file = path.join(home, server.name, 'pid')
  if (!existsSync(file)) return undefined
  const [pid = '', started = ''] = readFileSync(file, 'utf8').trim().split(' ')
  const now = startTime(Number(pid))
  if (now !== undefined) return now === started ? Number(pid) : undefined
  if (started !== '') return undefined
  return isAlive(Number(pid)) ? Number(pid) : undefined
}

/** For tests, by name. */
export function variablesOf(server: Server, home: string): Readonly<Record<string, string>> {
  return server.variables(server.ports, dataOf(server, home))
}

export function dataOf(server: Server, home: string): string {
  return path.join(home, server.name, 'data')
}

/** When the process started, in ticks since boot (proc(5), stat field 22); undefined if it is gone, a zombie, or there is no /proc. */
function startTime(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    const done = (isUp: boolean) => {
      socket.destroy()
      resolve(isUp)
    }
    socket.once('connect', () => done(true)).once('error', () => done(false))
  })
}
