import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Aim, killInCommit } from '../../src/prove/kill-in-commit.ts'
import { ProveRun, type ProveRunOptions, reached } from './prove-run.ts'
import { below, seededRandom } from './random.ts'
import { readStatus } from './sluice-status.ts'

export interface KillOptions extends ProveRunOptions {
  /** What the kills are aimed at, in turn; undefined: at nothing. */
  readonly aims: readonly (Aim | undefined)[]
  /** Records that are acknowledged between two kills at least. */
  readonly records: number
  /** A kill falls at a random point of this time after that. */
  readonly loadMs: number
}

/** How many kills a test makes, and with which seed: a longer run, or the same one again, by SLUICE_KILLS and SLUICE_SEED. */
export const kills = Number(process.env['SLUICE_KILLS'] ?? 8)
const seed = process.env['SLUICE_SEED'] === undefined ? {} : { seed: Number(process.env['SLUICE_SEED']) }

/** Kills the program under load again and again, and judges in the end what it has acknowledged and what the store holds. */
export async function killUnderLoad(t: TestContext, options: KillOptions): Promise<void> {
  const { aims, records, loadMs, qos = 1 } = options
  const run = await ProveRun.create({ ...options, ...seed })
  const { fleet } = run
  t.diagnostic(`seed ${run.seed}`)
  const random = seededRandom(run.seed)
  const seen = { open: 0, inStore: 0, torn: 0, unanswered: 0, durable: 0, treeKills: 0, slowestStartMs: 0 }

  await run.keepIfFailed(async () => {
    let sluice = await run.start()
    try {
      fleet.start()
      let surplus = 0
      for (let kill = 0; kill < kills; kill++) {
        const before = fleet.acked
        await reached(
          () => fleet.acked > before + records,
          30_000,
          () => `the load runs; ${fleet.violations.join('\n')}; ${sluice.output}`,
        )
        await setTimeout(below(random, loadMs))

        const aim = aims[kill % aims.length]
        // The store's transactions are those of a process of its own. The tree is looked up before, because that takes longer than a commit.
        const whole = random() < 0.5 || aim === 'store'
        const tree = whole ? sluice.tree : [sluice.pid]
        if (aim === undefined) sluice.killTree(tree)
        else if (await killInCommit(run.data, aim, tree)) seen.inStore += aim === 'store' ? 1 : 0
        fleet.pause()
        // Answers that were under way still arrive; what has none now was in an open commit, or on the way to one.
        await sluice.exited
        await reached(
          () => !fleet.connected,
          10_000,
          () => 'the connections end',
        )
        seen.treeKills += whole ? 1 : 0
        seen.unanswered += fleet.inFlight

        sluice = await run.start()
        seen.slowestStartMs = Math.max(seen.slowestStartMs, sluice.readyMs)
        // Every row that was acknowledged, in this life or an earlier one, is there before anything is sent again.
        const { rows, tornTails } = (await readStatus(sluice)).log
        const now = (rows['readings'] ?? 0) - fleet.acked
        assert.ok(now >= surplus, `the log came back with ${surplus - now} rows less than were acknowledged`)
        // Written, whole or in part, and never answered: the kill fell between the first byte of a commit and its last answer.
        seen.open += now > surplus || tornTails > 0 ? 1 : 0
        seen.torn += tornTails
        seen.durable += now - surplus
        // At QoS 1 the rows of messages without an answer stay and the messages come again; at QoS 2 they are answered, and no row more.
        surplus = qos === 1 ? now : 0
        fleet.resume()
      }
      const verdict = await run.conclude(sluice)
      t.diagnostic(
        `${fleet.acked} records acknowledged, ${verdict.rows} rows stored; ${seen.open} of ${kills} kills fell into open commits of the log ` +
          `(${seen.unanswered} messages without an answer, ${seen.durable} of them whole on disk, ${seen.torn} commits torn), ` +
          `${seen.inStore} into transactions of the store, ` +
          `${seen.treeKills} took the whole process tree; slowest start ${Math.round(seen.slowestStartMs)} ms`,
      )
    } finally {
      sluice.killTree()
    }
  })
  assert.ok(seen.open > 0, 'no kill fell into an open commit: this run proves nothing')
}
