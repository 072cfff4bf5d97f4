import { AsyncLocalStorage } from 'node:async_hooks'

type Call = (this: unknown, ...args: unknown[]) => unknown

/** The functions through which a sink reaches its engine or disk. */
export interface Wire {
  /** Methods of prototypes, or of modules; `sync` for those that answer at once. */
  readonly methods: readonly (readonly [of: object, name: string, kind: 'sync' | 'async'])[]
  /** What a call that is cut off fails with. */
  failure(): Error
  /** What the other side does when a call never reaches it: an engine undoes a transaction that it was not told to commit. */
  readonly lost?: (owner: unknown, args: readonly unknown[]) => Promise<unknown> | undefined
  /** Gives back what a call has made whose answer nobody gets. */
  readonly discard?: (made: unknown) => Promise<unknown> | undefined
  /** To be called after the methods of a module have been changed. */
  readonly changed?: () => void
}

/** Told of calls before they begin; `now` of those that wait for nobody. */
export interface OnStep {
  before(): Promise<void>
  now?(): void
}

/** Where a write is cut: at its n-th call, from 1, before the other side has heard of it or after it has done it. */
export interface Cut {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Set within a call, and within a glance: what they call in turn is no step of the sink. */
const within = new AsyncLocalStorage<true>()

/**
 * Does work while every call over the wire is counted: the one that `cut` names fails, and `onStep` is told of each before it begins.
 * Returns the calls there were.
 */
export async function overWire(
  wire: Wire,
  { cut, onStep }: { readonly cut?: Cut; readonly onStep?: OnStep },
  work: () => Promise<unknown>,
): Promise<string[]> {
  const calls: string[] = []
  const restore = wire.methods.map(([of, name, kind]) => {
    const own = Reflect.get(of, name) as Call // as: what a wire names are methods
    const wrapped: Call = function (this: unknown, ...args) {
      if (within.getStore()) return own.apply(this, args)
      calls.push(`${name}(${typeof args[0] === 'string' ? args[0].trim().slice(0, 40) : ''})`)
      const when = calls.length === cut?.nth ? cut.when : undefined
      const run = () => {
        const lost = when === 'before' ? wire.lost?.(this, args) : undefined
        return within.run(true, () => (when === 'before' ? lost : own.apply(this, args)))
      }
      const fail = () => {
        throw wire.failure()
      }
      if (kind === 'sync') {
        within.run(true, () => onStep?.now?.())
        const result = run()
        return when === undefined ? result : fail()
      }
      return (async () => {
        await within.run(true, () => onStep?.before())
        const result = await run()
        if (when === undefined) return result
        await wire.discard?.(result)
        return fail()
      })()
    }
    Reflect.set(of, name, wrapped)
    return () => Reflect.set(of, name, own)
  })
  wire.changed?.()
  try {
    await work()
  } finally {
    for (const each of restore) each()
    wire.changed?.()
  }
  return calls
}
