/** Where the log stood at a moment. */
interface Mark {
  readonly next: bigint
  readonly atMs: number
}

/** Marks kept for a sink that is behind; when they are full each two become one, so that they still span its whole backlog. */
const maxMarks = 1_024
/** Marks are no closer than this: what comes sooner belongs to the mark before. */
const spacingMs = 2

/**
 * How long rows take from their receipt until a sink holds them, by samples: commits leave marks, and a sink whose position passes a
 * mark tells how old it is.
 */
export class LatencyWatch {
  readonly #marks = new Map<string, Mark[]>()

  /** Only the sinks named here are watched. */
  constructor(sinks: readonly string[]) {
    for (const sink of sinks) this.#marks.set(sink, [])
  }

  /** A commit is durable: what lies before `next` was received by `receivedMs`. */
  committed(next: bigint, receivedMs: number): void {
    for (const [sink, marks] of this.#marks) {
      const last = marks.at(-1)
      const isClose = last !== undefined && receivedMs < last.atMs + spacingMs
      if (isClose) marks[marks.length - 1] = { next, atMs: last.atMs }
      else marks.push({ next, atMs: receivedMs })
      if (marks.length <= maxMarks) continue
      // Of each two the older stays, with the place of both.
      this.#marks.set(
        sink,
        marks
          .filter((_, i) => i % 2 === 0)
          .map(({ atMs }, i) => ({ atMs, next: (marks[2 * i + 1] ?? (marks[2 * i] as Mark)).next })),
      )
    }
  }

  /** A sink holds everything before `next`. Returns the milliseconds that each mark passed by it took. */
  passed(sink: string, next: bigint, nowMs: number): number[] {
    const marks = this.#marks.get(sink)
    if (marks === undefined) return []
    let count = 0
    while (count < marks.length && (marks[count]?.next ?? next + 1n) <= next) count++
    return marks.splice(0, count).map(({ atMs }) => nowMs - atMs)
  }

  /** Milliseconds that the oldest rows wait which the sink does not hold; 0 where it holds all. */
  lagMs(sink: string, nowMs: number): number {
    const oldest = this.#marks.get(sink)?.[0]
    return oldest === undefined ? 0 : nowMs - oldest.atMs
  }
}
