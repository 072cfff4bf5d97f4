import type { DiskPlan } from './machine.ts'
import type { ProgramOptions } from './program.ts'
import type { TaskKind, World } from './world.ts'

/** Jumps of the wall clock. */
export interface ClockPlan {
  /** Probability by event. */
  readonly jumps: number
  /** Most that it is beside the true time. */
  readonly seconds: number
}

/** What a history is like: drawn from its seed before it begins, so that each is bent on something else. */
export interface Plan {
  readonly messages: number
  readonly senders: number
  /** MQTT clients that publish; where there are any, one subscribes. */
  readonly publishers: number
  /** Probability by event that one of them connects or goes. */
  readonly comeRate: number
  /** Probability by event that somebody sends. */
  readonly sendRate: number
  /** A program ends within so many events, again and again, but no more than so many times. */
  readonly endEvery: number
  readonly ends: number
  /** Probability that it is told to stop; else it is killed, or the power fails. */
  readonly stops: number
  readonly badEvery: number
  readonly haste: number
  readonly clock: ClockPlan
  readonly slowness: Partial<Record<TaskKind, number>>
  readonly trouble: { readonly down: number; readonly cutBefore: number; readonly cutAfter: number }
  readonly disk: DiskPlan
  readonly program: ProgramOptions
}

export function drawPlan(world: World): Plan {
  const maybe = (probability: number, value: number) =>
    world.chance(probability) ? value * world.random() : 0
  const kinds: readonly TaskKind[] = ['turn', 'log', 'sink', 'network', 'disk', 'message']
  const slowness: Partial<Record<TaskKind, number>> = {}
  for (const kind of kinds) if (world.chance(0.25)) slowness[kind] = 0.5 + world.random() / 2
  return {
    messages: 2 + world.below(world.chance(0.2) ? 40 : 12),
    senders: 1 + world.below(2),
    publishers: world.chance(0.6) ? 1 + world.below(2) : 0,
    comeRate: world.pick([0.03, 0.1]),
    sendRate: world.pick([0.05, 0.15, 0.4]),
    endEvery: world.pick([80, 300, 1_000, 100_000]),
    ends: 1 + world.below(8),
    stops: world.pick([0, 0.5, 1]),
    badEvery: world.pick([5, 11, 1_000_000]),
    haste: world.pick([0, 0.01, 0.1]),
    clock: { jumps: maybe(0.5, 0.05), seconds: world.pick([600, 172_800]) },
    slowness,
    trouble: { down: maybe(0.3, 0.5), cutBefore: maybe(0.3, 0.3), cutAfter: maybe(0.4, 0.5) },
    disk: {
      sectorBytes: world.pick([64, 512]),
      faulty: maybe(0.4, 0.02),
      stopping: maybe(0.6, 0.01),
    },
    program: {
      segmentBytes: world.pick([500, 1_500, 1e6]),
      maxBytes: world.pick([6_000, 1e9]),
      retentionSeconds: world.pick([1, 1e6]),
      commitRows: world.pick([2, 16]),
      batchRows: world.pick([1, 3, 64]),
      lingerMs: world.pick([0, 0, 20]),
      // Smaller than may be configured: a history has few rows.
      rotateBytes: world.pick([100, 1_000, 1e9]),
      rotateKeep: world.pick([2, 1_000]),
    },
  }
}
