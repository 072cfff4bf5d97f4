import type { GroupCommitIntake } from '../../src/intake/intake.ts'
import type { Ledger, Offer } from './ledger.ts'
import { filteredDevice, type Program } from './program.ts'
import type { World } from './world.ts'

/** Every so many values one is of a device that a filter drops. */
const filteredEvery = 7

/** A source in its simplest form: adds to the intake, asks for the commit, answers. It never sends anything twice. */
export class DirectSender {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #name: string
  #place = 0

  constructor(world: World, ledger: Ledger, name: string) {
    this.#world = world
    this.#ledger = ledger
    this.#name = name
  }

  /** One message of one to three rows, or an edit, or something that nobody can read. */
  send(program: Program, boot: number): void {
    const world = this.#world
    const kind = world.below(10)
    const values = this.#ledger.values(kind === 0 ? 1 : 1 + world.below(3))
    const offer = this.#ledger.offer({
      values: kind === 0 ? values.map((value) => -value) : values,
      junk: kind === 1 ? `junk ${values[0]}` : undefined,
      connection: `${this.#name} of run ${boot}`,
      place: this.#place++,
    })
    program.serve(this.#take(program.intake, offer))
  }

  async #take(intake: GroupCommitIntake, offer: Offer): Promise<void> {
    for (;;) {
      if (intake.refusal() !== undefined) {
        offer.answer = 'refused'
        return
      }
      const room = intake.room()
      if (room === undefined) break
      try {
        await room
      } catch {
        return
      }
    }
    intake.tick()
    for (const value of offer.values) this.#add(intake, value)
    if (offer.junk !== undefined) {
      const bytes = Buffer.from(offer.junk)
      intake.reject({ code: 'undecodable', reason: 'no form that is read', bytes, source: 'direct' })
    }
    // An edit is no message.
    if (offer.values.some((value) => value > 0))
      intake.countMessage(offer.junk === undefined ? 'accepted' : 'deadLettered')
    try {
      await intake.durable()
      offer.answer = 'acked'
    } catch {
      offer.answer = 'refused'
    }
  }

  #add(intake: GroupCommitIntake, value: number): void {
    if (value < 0) {
      intake.addEdit({ device: 'd', metric: undefined, from: -value, to: 1 - value, patch: undefined })
      return
    }
    // A half that fails leaves nothing behind.
    if (this.#world.chance(0.1)) {
      const mark = intake.mark()
      intake.add(intake.series('d', 'm', 'number'), 0, 0, 192, 0)
      intake.rollback(mark)
    }
    const isFiltered = value % filteredEvery === 0
    if (isFiltered) this.#ledger.filtered.add(value)
    const device = isFiltered ? filteredDevice : `d${value % 3}`
    intake.add(intake.series(device, 'm', 'number'), value, value, 192, 0)
  }
}
