import { seededRandom } from '../support/random.ts'
import { Trace } from './trace.ts'

/** What a task is about: each history makes some of these slow. */
export type TaskKind = 'turn' | 'log' | 'sink' | 'network' | 'disk' | 'message'

/** Whoever's process dies takes its tasks along; those of the world outside go on. */
export type Owner = 'program' | 'outside'

interface Task {
  readonly kind: TaskKind
  readonly owner: Owner
  readonly what: string
  readonly run: () => void
}

/** Tasks that are run in the order in which they came. */
interface Lane {
  readonly name: string
  readonly tasks: Task[]
}

interface Timer {
  readonly id: number
  readonly owner: Owner
  atMs: number
  readonly everyMs: number | undefined
  readonly run: () => void
}

const startMicros = 1_700_000_000_000_000

/**
 * Time, chance and everything that waits, of one history. Nothing runs by itself: whatever a program would leave to its event loop, to a thread,
 * a disk, a network or a timer waits here as a task until the seed picks it. Tasks of one lane keep their order, all others
 * change places freely. Time stands still while tasks run; it goes on to the next timer when nothing waits, or when the seed says so.
 */
export class World {
  readonly random: () => number
  readonly trace: Trace
  /** Something that may never be, found where nobody could be told. */
  failure: unknown
  /** Probability by which a task that was picked is put off. */
  readonly slowness: Partial<Record<TaskKind, number>> = {}
  /** Probability that time goes on although tasks wait. */
  haste = 0.01
  /** Counts the programs that have died: what is under way for one of them means nothing to the next. */
  deaths = 0
  #ms = 0
  #micros = startMicros
  readonly #lanes = new Map<string, Lane>()
  #ready: Lane[] = []
  readonly #timers = new Map<number, Timer>()
  #lastTimer = 0
  #lastId = 0
  /** Counts what has happened. */
  now = 0

  constructor(seed: number, isRecording: boolean) {
    this.random = seededRandom(seed)
    this.trace = new Trace(isRecording)
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  pick<T>(of: readonly T[]): T {
    // `of` is a list of the caller's that is never empty.
    return of[this.below(of.length)] as T
  }

  /** A number that no other thing of this world has. */
  nextId(): number {
    return ++this.#lastId
  }

  readonly clock = {
    now: (): number => Math.round(this.#micros),
    monotonicMs: (): number => this.#ms,
  }

  /** Somebody sets the wall clock, so many seconds beside the true time; no time passes. */
  setWallClock(besideSeconds: number): void {
    this.#micros = startMicros + this.#ms * 1000 + Math.round(besideSeconds * 1e6)
    this.trace.add('the clock is set', Math.round(besideSeconds))
  }

  post(kind: TaskKind, what: string, run: () => void, owner: Owner = 'program', lane?: string): void {
    const task = { kind, owner, what, run }
    if (lane === undefined) {
      this.#ready.push({ name: '', tasks: [task] })
      return
    }
    const known = this.#lanes.get(lane)
    if (known !== undefined) {
      known.tasks.push(task)
      return
    }
    const made = { name: lane, tasks: [task] }
    this.#lanes.set(lane, made)
    this.#ready.push(made)
  }

  /** Resolves with what `act` gives once the seed has let it happen. */
  happens<T>(kind: TaskKind, what: string, act: () => T, owner?: Owner, lane?: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(act())
        } catch (error) {
          reject(error)
        }
      }
      this.post(kind, what, run, owner, lane)
    })
  }

  setTimer(run: () => void, ms: number, owner: Owner = 'program', everyMs?: number): number {
    const id = ++this.#lastTimer
    this.#timers.set(id, { id, owner, atMs: this.#ms + Math.max(1, ms), everyMs, run })
    return id
  }

  clearTimer(id: number): void {
    this.#timers.delete(id)
  }

  /** The program's process is gone, and all that waited in it. */
  endProgram(): void {
    this.deaths++
    for (const [id, { owner }] of this.#timers) if (owner === 'program') this.#timers.delete(id)
    this.#lanes.clear()
    const left: Lane[] = []
    for (const { name, tasks } of this.#ready) {
      const stay = tasks.filter(({ owner }) => owner === 'outside')
      if (stay.length === 0) continue
      const lane = { name, tasks: stay }
      left.push(lane)
      if (name !== '') this.#lanes.set(name, lane)
    }
    this.#ready = left
  }

  get isIdle(): boolean {
    return this.#ready.length === 0
  }

  /** One thing happens. False if nothing ever will. */
  step(): boolean {
    this.now++
    if (this.#ready.length === 0 || this.chance(this.haste))
      return this.#nextTimer() || this.#ready.length > 0
    let at = this.below(this.#ready.length)
    for (let tries = 0; tries < 3; tries++) {
      const slow = this.slowness[(this.#ready[at] as Lane).tasks[0]?.kind ?? 'turn']
      if (slow === undefined || !this.chance(slow)) break
      at = this.below(this.#ready.length)
    }
    const lane = this.#ready[at] as Lane
    const task = lane.tasks.shift() as Task
    if (lane.tasks.length === 0) {
      this.#ready[at] = this.#ready.at(-1) as Lane
      this.#ready.pop()
      if (lane.name !== '') this.#lanes.delete(lane.name)
    }
    this.trace.add(task.what)
    task.run()
    return true
  }

  #nextTimer(): boolean {
    let next: Timer | undefined
    for (const timer of this.#timers.values()) if (next === undefined || timer.atMs < next.atMs) next = timer
    if (next === undefined) return false
    const passed = Math.max(0, next.atMs - this.#ms)
    this.#ms += passed
    this.#micros += passed * 1000
    if (next.everyMs === undefined) this.#timers.delete(next.id)
    else next.atMs = this.#ms + Math.max(1, next.everyMs)
    this.trace.add('timer', this.#ms)
    next.run()
    return true
  }
}
