import { createRoute, type Format, type RecordRefusal, type Route } from '../../src/core/format.ts'
import { RecordingIntake, type RecordedRow } from './recording-intake.ts'

export interface Decoded {
  readonly rows: readonly RecordedRow[]
  readonly refusals: readonly RecordRefusal[]
  readonly intake: RecordingIntake
}

/** A place in the middle of a larger buffer, as payloads stand in what a socket read. */
const before = new TextEncoder().encode('{"v":1')
const behind = new TextEncoder().encode('"}],1')

/** Decodes one payload into an intake of its own, unless one is given. */
export function decodeInto(
  format: Format,
  payload: string | Uint8Array,
  route: Route = createRoute('dev/pump1/temp', 'pump1', 'temp'),
  intake: RecordingIntake = new RecordingIntake(),
): Decoded {
  const body = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
  const bytes = new Uint8Array(before.length + body.length + behind.length)
  bytes.set(before)
  bytes.set(body, before.length)
  bytes.set(behind, before.length + body.length)
  const from = before.length
  const refusals: RecordRefusal[] = []
  const mark = intake.rows.length
  const added = format.decode(bytes, from, from + body.length, route, intake, (refusal) =>
    refusals.push({ ...refusal, from: refusal.from - from, to: refusal.to - from }),
  )
  const rows = intake.rows.slice(mark)
  if (added !== rows.length) throw new Error(`decode says ${added} rows, the intake has ${rows.length}`)
  return { rows, refusals, intake }
}
