import crypto from 'node:crypto'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import type { SimulatedFiles } from './simulated-files.ts'
import type { World } from './world.ts'

/** Of the event loop that there really is. */
export const realImmediate = globalThis.setImmediate

/** Everything below this folder is on the simulated disk. */
export const simulatedFolder = '/simulated'

let world: World | undefined
let disk: SimulatedFiles | undefined

/** From now on timers, time and chance of this thread are that world's; undefined gives them back. */
export function enter(entered: World | undefined, files?: SimulatedFiles): void {
  install()
  world = entered
  disk = files
}

let isInstalled = false

/**
 * Product code asks the platform by its usual names, so these are replaced, for this thread: `setTimeout`, `setImmediate`, `Math.random`, `randomUUID`, `node:fs/promises`, …
 * Each goes to the world that was entered last, and to the platform while there is none.
 */
function install(): void {
  if (isInstalled) return
  isInstalled = true
  const real = { setTimeout, clearTimeout, setInterval, clearInterval, random: Math.random }
  const realNow = Date.now
  const performanceNow = performance.now.bind(performance)
  type Run = (...args: unknown[]) => void
  const timer = (id: number) => Object.assign(Object(id) as object, { unref: () => id, ref: () => id, id })
  const idOf = (given: unknown) =>
    typeof given === 'object' && given !== null && 'id' in given ? Number(given.id) : Number(given)
  Object.assign(globalThis, {
    setTimeout: Object.assign(
      (run: Run, ms?: number, ...args: unknown[]) =>
        world === undefined
          ? real.setTimeout(run, ms, ...args)
          : timer(world.setTimer(() => run(...args), ms ?? 0)),
      real.setTimeout,
    ),
    clearTimeout: (id: unknown) => {
      if (world === undefined) real.clearTimeout(id as NodeJS.Timeout)
      else world.clearTimer(idOf(id))
    },
    setInterval: (run: Run, ms?: number, ...args: unknown[]) =>
      world === undefined
        ? real.setInterval(run, ms, ...args)
        : timer(world.setTimer(() => run(...args), ms ?? 0, 'program', ms ?? 0)),
    clearInterval: (id: unknown) => {
      if (world === undefined) real.clearInterval(id as NodeJS.Timeout)
      else world.clearTimer(idOf(id))
    },
    setImmediate: Object.assign(
      (run: Run, ...args: unknown[]) =>
        world === undefined ? realImmediate(run, ...args) : world.post('turn', 'turn', () => run(...args)),
      realImmediate,
    ),
  })
  Math.random = () => (world === undefined ? real.random() : world.random())
  Date.now = () => (world === undefined ? realNow() : Math.floor(world.clock.now() / 1000))
  performance.now = () => (world === undefined ? performanceNow() : world.clock.monotonicMs())
  installSignals()
  installCrypto()
  installFiles()
  syncBuiltinESMExports()
}

/**
 * Node keeps a signal that is joined of others, and one that takes a listener away, for as long as somebody listens: each program that is killed
 * would stay, with all that it held. These do the same and are garbage with their program.
 */
function installSignals(): void {
  const any = AbortSignal.any.bind(AbortSignal)
  AbortSignal.any = (signals) => (world === undefined ? any([...signals]) : joined([...signals]))
  const add = EventTarget.prototype.addEventListener
  EventTarget.prototype.addEventListener = function (this: EventTarget, type, listener, options) {
    if (world === undefined || typeof options !== 'object' || options.signal === undefined)
      return add.call(this, type, listener, options)
    const { signal, ...rest } = options
    if (signal.aborted) return
    add.call(this, type, listener, rest)
    add.call(signal, 'abort', () => this.removeEventListener(type, listener, rest), { once: true })
  }
}

function joined(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  for (const signal of signals) {
    const abort = () => controller.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  }
  return controller.signal
}

function installCrypto(): void {
  const real = { randomUUID: crypto.randomUUID, randomInt: crypto.randomInt }
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => (world?.below(16) ?? 0).toString(16)).join('')
  Object.assign(crypto, {
    randomUUID: () =>
      world === undefined ? real.randomUUID() : [8, 4, 4, 4, 12].map((digits) => hex(digits)).join('-'),
    randomInt: (max: number) => (world === undefined ? real.randomInt(max) : world.below(max)),
  })
}

function installFiles(): void {
  const { open, readFile, rename, rm, readdir } = files
  const real = { open, readFile, rename, rm, readdir }
  const isOurs = (file: unknown): file is string =>
    disk !== undefined && typeof file === 'string' && file.startsWith(simulatedFolder)
  Object.assign(files, {
    open: (file: string, flags: string) => (isOurs(file) ? disk?.open(file, flags) : real.open(file, flags)),
    readFile: (file: string, encoding: BufferEncoding) =>
      isOurs(file) ? disk?.readFile(file) : real.readFile(file, encoding),
    rename: (from: string, to: string) => (isOurs(from) ? disk?.rename(from, to) : real.rename(from, to)),
    rm: (file: string, options: object) => (isOurs(file) ? disk?.remove(file) : real.rm(file, options)),
    readdir: (folder: string) => (isOurs(folder) ? disk?.list(folder) : real.readdir(folder)),
  })
}
