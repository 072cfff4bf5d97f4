/** Asks to be called back once, a little later: at the next frame, or by a timer. Returns how to call it off. */
export type Schedule = (run: () => void) => () => void

/**
 * Gathers what arrives and hands it over once per schedule, all together: the screen changes as often as it is drawn,
 * however often data comes.
 */
export class Conflator<T> {
  readonly #schedule: Schedule
  readonly #deliver: (items: T[]) => void
  #items: T[] = []
  #cancel: (() => void) | undefined

  constructor(schedule: Schedule, deliver: (items: T[]) => void) {
    this.#schedule = schedule
    this.#deliver = deliver
  }

  add(items: readonly T[]): void {
    if (items.length === 0) return
    for (const item of items) this.#items.push(item)
    this.#cancel ??= this.#schedule(() => {
      this.#cancel = undefined
      const items = this.#items
      this.#items = []
      this.#deliver(items)
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#items = []
  }
}

/** At the next animation frame; after a second in a hidden page, which draws none, so that nothing piles up. */
export const nextFrame: Schedule = (run) => {
  const cancel = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  }
  const fire = () => {
    cancel()
    run()
  }
  const frame = requestAnimationFrame(fire)
  const timer = setTimeout(fire, 1000)
  return cancel
}

/** At the first frame after `ms`: for digits, which nobody can read when they change sixty times a second. */
export function frameAfter(ms: number): Schedule {
  return (run) => {
    let cancel = () => clearTimeout(timer)
    const timer = setTimeout(() => {
      cancel = nextFrame(run)
    }, ms)
    return () => cancel()
  }
}
