import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { systemClock } from '../lib/clock.ts'

/** What a kill is aimed at: a commit of the log, or a transaction of the embedded store. */
export type Aim = 'log' | 'store'

interface Shot {
  readonly data: string
  readonly aim: Aim
  readonly pids: readonly number[]
  readonly timeoutMs: number
}

/**
 * kill -9 of processes in the moment in which a commit, or a transaction, puts its first bytes into its file. A thread of its
 * own watches the file, so that the load goes on. Returns whether such a moment came in time; they are killed anyhow.
 */
export async function killInCommit(
  data: string,
  aim: Aim,
  pids: readonly number[],
  timeoutMs = 1_000,
): Promise<boolean> {
  const shot: Shot = { data, aim, pids, timeoutMs }
  const worker = new Worker(import.meta.filename, { workerData: shot })
  const [hit] = (await once(worker, 'message')) as [boolean] // as: what this file posts below
  return hit
}

function shoot({ data, aim, pids, timeoutMs }: Shot): boolean {
  const file = aim === 'log' ? newest(path.join(data, 'log'), '.seg') : `${newest(data, '.duckdb')}.wal`
  const before = sizeOf(file)
  const end = systemClock.monotonicMs() + timeoutMs
  let hit = false
  while (!hit && systemClock.monotonicMs() < end) hit = sizeOf(file) > before
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {} // ended meanwhile
  }
  return hit
}

/** Segments are named by their first number, so the last by name is the one being written. */
function newest(folder: string, ending: string): string {
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(ending))
  return path.join(folder, names.sort().at(-1) ?? `none${ending}`)
}

function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

if (!isMainThread) parentPort?.postMessage(shoot(workerData as Shot))
