import { systemClock } from '../lib/clock.ts'
import { reasonOf } from '../lib/reason.ts'
import { wait } from '../lib/wait.ts'
import { shimOf } from './disk-shim/disk-shim.ts'
import type { Fault } from './fault.ts'
import type { Fleet } from './fleet.ts'
import type { OwnServer } from './own-server.ts'
import { readStatus } from './server-status.ts'

export interface FaultRoundsOptions {
  /** undefined: one that runs already, to which nothing can be done. */
  readonly server: OwnServer | undefined
  readonly fleet: Fleet
  readonly faults: readonly Fault[]
  readonly random: () => number
  readonly seconds: number
  /** Where it writes down what happens, so that it is there also if this throws. */
  readonly findings: FaultFindings
  readonly signal: AbortSignal
  readonly onFault: (name: string) => void
}

/** What faults did, and what the server did that it must not. */
export interface FaultFindings {
  /** By fault, how often each thing was done. */
  readonly counts: Record<string, Record<string, number>>
  /** Starts that came upon commits whose senders had no answer yet, whole or torn: the fault fell into open commits. */
  openCommits: number
  readonly violations: string[]
}

/** Load between two faults: at least and at most. */
const calmMs = { least: 200, most: 1_500 }
/** How long intake may take to come back after a fault. */
const backMs = 60_000
const disconnectMs = 20_000
const lookMs = 5
const aliveEveryMs = 100

/**
 * Does faults to a server while a fleet sends, each in turn at times that chance decides, until the time is over; every fault at least
 * once. Before each of them the fleet must have had new answers: intake has come back by itself.
 */
export async function faultRounds(options: FaultRoundsOptions): Promise<void> {
  const { server, fleet, faults, random, seconds, findings, signal, onFault } = options
  if (server !== undefined) server.hooks = restartHooks(fleet, findings, signal)
  mustObey(server)
  const endMs = systemClock.monotonicMs() + seconds * 1000
  const left = () => endMs - systemClock.monotonicMs()
  for (let round = 0; faults.length > 0 && !signal.aborted; round++) {
    const calm = calmMs.least + random() * (calmMs.most - calmMs.least)
    if (round >= faults.length && left() < calm) break
    await acknowledging(server, fleet, signal)
    await load(server, calm, signal)
    const fault = faults[round % faults.length]
    if (fault === undefined || server === undefined || signal.aborted) break
    onFault(fault.name)
    const { counts, violations = [] } = await fault.inject(server, random, signal)
    const sums = (findings.counts[fault.name] ??= {})
    for (const [what, count] of Object.entries(counts)) sums[what] = (sums[what] ?? 0) + count
    findings.violations.push(...violations.map((violation) => `${fault.name}: ${violation}`))
  }
  if (!signal.aborted) findings.violations.push(...withoutEffect(findings))
  await load(server, left(), signal)
  await acknowledging(server, fleet, signal)
}

/** @throws Error if the processes of a server with a shim do not load it: its faults would not happen. */
function mustObey(server: OwnServer | undefined): void {
  if (server?.options.environment['DISK_SHIM_CONTROL'] === undefined) return
  if (Object.values(shimOf(server).control.seen).every((calls) => calls === 0))
    throw new Error(
      'the library that fails disk and clock was not loaded by the server: no such fault was done',
    )
}

/** What tells that a fault has fallen on something, where it counts that. */
const effects = ['callsFailed', 'failedSyncs', 'connectionsTurnedAway', 'processesMoved']

/** Faults that have never fallen on anything: what was not done proves nothing. */
export function withoutEffect({ counts }: FaultFindings): string[] {
  return Object.entries(counts).flatMap(([fault, sums]) =>
    effects.filter((effect) => sums[effect] === 0).map((effect) => `${fault}: was not done (${effect} 0)`),
  )
}

/** Lets the fleet send for so long. @throws Error if the server ends meanwhile. */
async function load(server: OwnServer | undefined, ms: number, signal: AbortSignal): Promise<void> {
  const endMs = systemClock.monotonicMs() + ms
  for (;;) {
    const leftMs = endMs - systemClock.monotonicMs()
    if (leftMs <= 0 || signal.aborted) return
    mustRun(server)
    await wait(Math.min(leftMs, aliveEveryMs), signal)
  }
}

function mustRun(server: OwnServer | undefined): void {
  if (server?.running === false)
    throw new Error(
      `the server has ended by itself (${server.ending}):\n${server.output.slice(-2_000).trimEnd()}`,
    )
}

/** Resolves when the fleet has a new answer. @throws Error if none comes. */
async function acknowledging(
  server: OwnServer | undefined,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<void> {
  const before = fleet.acked
  const endMs = systemClock.monotonicMs() + backMs
  while (fleet.acked === before && !signal.aborted) {
    mustRun(server)
    if (systemClock.monotonicMs() > endMs)
      throw new Error(`nothing was acknowledged for ${backMs / 1000} s; ${fleet.violations.join('; ')}`)
    await wait(lookMs, signal)
  }
}

/**
 * Holds the fleet back over a restart, and compares what the log came back with to what was acknowledged before anything is sent again: a
 * loss shows here, though a resend may hide it later.
 */
function restartHooks(fleet: Fleet, findings: FaultFindings, signal: AbortSignal): OwnServer['hooks'] {
  // Rows beyond the acknowledged ones stay where their messages come again and are taken again.
  let surplus = 0
  return {
    async down() {
      fleet.pause()
      const endMs = systemClock.monotonicMs() + disconnectMs
      while (fleet.connected && !signal.aborted) {
        if (systemClock.monotonicMs() > endMs) throw new Error('the connections of a dead server do not end')
        await wait(lookMs, signal)
      }
    },
    async back(server) {
      const { log } = await readStatus(server).catch((error: unknown) => {
        throw new Error(`the server was ready and does not answer: ${reasonOf(error)}`, { cause: error })
      })
      const now = (log.rows['readings'] ?? 0) - fleet.acked
      if (now < surplus)
        findings.violations.push(`the log came back with ${surplus - now} rows fewer than were acknowledged`)
      if (now > surplus || log.tornTails > 0) findings.openCommits++
      surplus = Math.max(surplus, now - fleet.openRows)
      fleet.resume()
    },
  }
}
