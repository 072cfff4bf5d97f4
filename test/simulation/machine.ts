import { MemoryStorage, type StorageCall, type StorageFault } from '../support/memory-storage.ts'
import { simulatedFolder } from './simulated-globals.ts'
import type { World } from './world.ts'

/** What the disk does in a history. */
export interface DiskPlan {
  readonly sectorBytes: number
  /** Probabilities by call: it fails, the disk is full for a while, the machine stops. */
  readonly faulty: number
  readonly stopping: number
}

/** A disk of one machine that fails, fills and stops as the seed says. */
export class Machine {
  readonly storage: MemoryStorage
  /** Calls that were made to fail, since the last start. */
  faults = 0
  readonly #world: World
  readonly #plan: DiskPlan
  #isWell = false
  /** A start makes many calls, and one fault ends it: there are fewer of them. */
  isStarting = false

  constructor(world: World, plan: DiskPlan) {
    this.#world = world
    this.#plan = plan
    this.storage = new MemoryStorage({ random: world.random, sectorBytes: plan.sectorBytes })
    this.storage.makeFolder(simulatedFolder)
    this.start()
  }

  /** From now on nothing fails. */
  heal(): void {
    this.#isWell = true
    this.storage.space = Number.POSITIVE_INFINITY
  }

  /** The process dies, or the whole machine, with what was not on the disk. */
  die(how: 'kill' | 'power'): void {
    if (how === 'kill') this.storage.kill()
    else this.storage.losePower()
    this.storage.history.length = 0
    this.start()
  }

  start(): void {
    this.faults = 0
    this.storage.fault = (call) => this.#fault(call)
  }

  #fault({ operation }: StorageCall): StorageFault | undefined {
    const world = this.#world
    world.trace.add(operation)
    if (this.#isWell) return undefined
    const chance = world.random() * (this.isStarting ? 8 : 1)
    const { faulty, stopping } = this.#plan
    if (chance < stopping) return { code: 'STOP', done: world.random() }
    if (chance >= stopping + faulty) return undefined
    this.faults++
    const code = world.pick(['EIO', 'ENOSPC', 'EMFILE', 'EIO'] as const)
    world.trace.add(code)
    // A system without descriptors says so before it does anything.
    return code === 'EMFILE' ? { code } : { code, done: world.random() }
  }
}
