import { execFile } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import { promisify } from 'node:util'
import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import { comesBack } from './comes-back.ts'

const run = promisify(execFile)
/** Shorter than a door waits for the first word of a client. */
const connectedMs = 400

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
    await Promise.all(tree.map((pid) => limit(pid, firstFree(pid))))
    const ports = Array.from({ length: 10 }, () => server.options.mqttPort)
    const came = Promise.all(ports.map((port) => isTurnedAway(port)))
    await wait(500 + random() * 2500, signal)
    await Promise.all(tree.map((pid, i) => limit(pid, limits[i] ?? 1024)))
    const violations = await comesBack(server, 'no file could be opened', signal)
    const turnedAway = (await came).filter((isAway) => isAway).length
    return { counts: { outOfFiles: 1, connectionsTurnedAway: turnedAway }, violations }
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

/** The lowest number that the next open file could have: with it as the limit there can be none. */
function firstFree(pid: number): number {
  try {
    const open = new Set(fs.readdirSync(`/proc/${pid}/fd`).map(Number))
    let free = 0
    while (open.has(free)) free++
    return free
  } catch {
    return 1024 // ended meanwhile
  }
}

/** Whether a connection is ended at once by the other side, which has not heard a word. */
async function isTurnedAway(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: '127.0.0.1' })
  return await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), connectedMs)
    socket.on('error', () => {}) // 'close' follows
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(true)
    })
  }).finally(() => socket.destroy())
}
