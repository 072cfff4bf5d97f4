import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import { comesBack } from './comes-back.ts'

const run = promisify(execFile)

/** For some seconds no process of the server can open anything more: files, connections, pipes. */
export const emfile: Fault = {
  name: 'emfile',
  async unavailable() {
    try {
      await run('prlimit', ['--version'])
      return undefined
    } catch {
      return 'it needs the program prlimit (util-linux)'
    }
  },
  async inject(server, random, signal) {
    const { tree } = server
    const limits = await Promise.all(tree.map((pid) => limitOf(pid)))
    await Promise.all(tree.map((pid) => limit(pid, 1 + highestOpen(pid))))
    await wait(500 + random() * 2500, signal)
    await Promise.all(tree.map((pid, i) => limit(pid, limits[i] ?? 1024)))
    const violations = await comesBack(server, 'no file could be opened', signal)
    return { counts: { outOfFiles: 1 }, violations }
  },
}

/** The soft limit; of a process that has ended meanwhile undefined. */
async function limitOf(pid: number): Promise<number | undefined> {
  try {
    const { stdout } = await run('prlimit', [
      `--pid=${pid}`,
      '--nofile',
      '--output=SOFT',
      '--noheadings',
      '--raw',
    ])
    return Number(stdout)
  } catch {
    return undefined
  }
}

async function limit(pid: number, soft: number): Promise<void> {
  try {
    await run('prlimit', [`--pid=${pid}`, `--nofile=${soft}:`])
  } catch {} // ended meanwhile
}

function highestOpen(pid: number): number {
  try {
    return Math.max(...fs.readdirSync(`/proc/${pid}/fd`).map(Number))
  } catch {
    return 1024
  }
}
