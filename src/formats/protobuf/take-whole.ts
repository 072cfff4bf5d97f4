import { SluiceError } from '../../core/errors.ts'
import type { RecordRefusal, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { RecordFault } from '../record-fault.ts'

export type Refuse = (refusal: RecordRefusal) => void

/** Takes the record that stands in bytes[from, to), and returns its rows. @throws SluiceError where it is to be refused. */
export interface RecordTaker {
  takeRecord(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake): number
}

/** Takes a record whole, or refuses it whole and leaves nothing of it behind. Returns its rows. */
export function takeWhole(
  taker: RecordTaker,
  bytes: Uint8Array,
  from: number,
  to: number,
  index: number,
  route: Route,
  intake: Intake,
  refuse: Refuse,
): number {
  const mark = intake.mark()
  try {
    return taker.takeRecord(bytes, from, to, route, intake)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    intake.rollback(mark)
    const field = error instanceof RecordFault ? error.field : undefined
    refuse({ code: error.code, reason: error.message, field, index, from, to })
    return 0
  }
}
