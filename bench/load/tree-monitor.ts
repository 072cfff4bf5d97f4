import { processTree, readProc } from '../../src/prove/process-tree.ts'

export interface TreeUse {
  /** Most that all processes of the tree together held, MiB of resident memory. Shared pages count in each process. */
  readonly rssMb: number
  /** The most within the first and the last minute: what is flat has them alike. */
  readonly rssFirstMinuteMb: number
  readonly rssLastMinuteMb: number
  /** User and system time that the tree's processes spent so far. */
  readonly cpuSeconds: number
}

const everyMs = 250
const minuteSamples = 60_000 / everyMs
const ticksPerSecond = 100 // USER_HZ of Linux
const pageBytes = 4096

/** Watches the memory and time of a process and all its descendants, from /proc. */
export class TreeMonitor {
  readonly #pid: number
  readonly #rss: number[] = []
  readonly #cpuByPid = new Map<number, number>()
  readonly #timer: NodeJS.Timeout

  constructor(pid: number) {
    this.#pid = pid
    this.#timer = setInterval(() => this.#sample(), everyMs)
    this.#sample()
  }

  /** What was seen since the start. */
  use(): TreeUse {
    this.#sample()
    return {
      rssMb: Math.max(...this.#rss),
      rssFirstMinuteMb: Math.max(...this.#rss.slice(0, minuteSamples)),
      rssLastMinuteMb: Math.max(...this.#rss.slice(-minuteSamples)),
      cpuSeconds: [...this.#cpuByPid.values()].reduce((sum, seconds) => sum + seconds, 0),
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    let bytes = 0
    for (const pid of processTree(this.#pid)) {
      const use = readProc(`/proc/${pid}/stat`)
      if (use === undefined) continue // ended meanwhile
      // man 5 proc: the name stands in brackets and may hold anything; after it, field 14 and 15 are times, 24 is pages.
      const fields = use.slice(use.lastIndexOf(')') + 2).split(' ')
      bytes += Number(fields[21]) * pageBytes
      this.#cpuByPid.set(pid, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond)
    }
    this.#rss.push(Math.round(bytes / 1024 / 1024))
  }
}
