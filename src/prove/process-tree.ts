import fs from 'node:fs'

/** A process and everything it started that still runs, from /proc: parents before their children. */
export function processTree(pid: number): number[] {
  const pids = [pid]
  for (let i = 0; i < pids.length; i++) {
    let threads: string[] = []
    try {
      threads = fs.readdirSync(`/proc/${pids[i]}/task`)
    } catch {
      continue // ended meanwhile
    }
    for (const thread of threads) {
      const children = readProc(`/proc/${pids[i]}/task/${thread}/children`)?.trim()
      if (children) pids.push(...children.split(' ').map(Number))
    }
  }
  return pids
}

/** A file of /proc, undefined when its process has ended. */
export function readProc(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
