/** Fills a small disk again and again under load, and takes the ballast away: explicit refusals, queries all the while, intake back within 5 s. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { fullDisk, type FullDisks } from './disk-full/ballast.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    cycles: z.int().positive().default(20).describe('how often the disk is filled'),
    megabytes: z.int().min(64).default(200).describe('of the disk'),
    rate: z.number().positive().default(2_000).describe('records a second'),
  })
  .describe('a full disk under load over MQTT and HTTP, and space again')

/** Of the disk: kept free by the log, and what all of it may take. */
const reserveShare = 0.1
const logShare = 0.3

/** Why it cannot be done here, or undefined. */
export function unavailable(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux (tmpfs)'
  return process.getuid?.() === 0 ? undefined : 'it needs root, to mount a tmpfs'
}

export async function run(
  { cycles, megabytes, rate }: z.output<typeof options>,
  report: Report,
): Promise<Outcome> {
  const why = unavailable()
  if (why !== undefined) return { n: 0, seen: {}, faults: [`it cannot be done here: ${why}`] }
  const disk = path.join(report.folder, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk], { stdio: 'pipe' })
  report.ends(() => void execFileSync('umount', [disk], { stdio: 'pipe' }))
  const seen: FullDisks = { backMs: [], queries: 0, failedQueries: 0 }
  const fault = fullDisk(path.join(disk, 'ballast'), seen)
  const settings = {
    'log.segmentBytes': '1 MiB',
    'log.diskReserveBytes': `${Math.round(megabytes * reserveShare)} MB`,
    'log.maxBytes': `${Math.round(megabytes * logShare)} MB`,
  }
  const outcome = await proveWith(
    Array.from({ length: cycles }, () => fault),
    { devices: 8, rate, settings, folder: disk },
    report,
  )
  const sorted = seen.backMs.toSorted((a, b) => a - b)
  const backMs = { median: sorted[sorted.length >> 1], worst: sorted.at(-1) }
  const { queries, failedQueries } = seen
  return { ...outcome, seen: { ...outcome.seen, backMs, queries, failedQueries } }
}
