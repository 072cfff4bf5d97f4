import assert from 'node:assert/strict'
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

export const topic = (device: string | undefined, metric: string | undefined): Route =>
  createRoute('', device, metric)

/** The route of `dev/pump1/temp`. */
export const onPump = (): Route => topic('pump1', 'temp')

/** Payloads whose names a route shall know, so that what follows meets the scanner and not only the parser. */
const warming = [
  '{"v":1}',
  '{"v":"on"}',
  '{"a":1}',
  '{"a":"on"}',
  '{"SerialNumber":"a","Timestamp":1,"Value":1}',
]

/** Rows of a payload that is taken whole, as [device, metric, value, time, quality, flags]; the second time they must be the same. */
export function rowsOf(format: Format, payload: string, route = onPump()): unknown[][] {
  const intake = new RecordingIntake()
  const [first, second] = [0, 1].map(() => {
    const { rows, refusals } = decodeInto(format, payload, route, intake)
    if (refusals.length > 0) throw new Error(`${payload} is refused: ${JSON.stringify(refusals)}`)
    return rows.map((row) => [row.device, row.metric, row.value, row.time, row.quality, row.flags])
  })
  assert.deepEqual(first, second, payload)
  return first ?? []
}

/** The only refusal of a payload that gives no row, on a route that has taken other payloads before. */
export function refusalOf(
  format: Format,
  payload: string | Uint8Array,
  route = onPump(),
): Pick<RecordRefusal, 'code' | 'field'> {
  const intake = new RecordingIntake()
  for (const warm of warming) decodeInto(format, warm, route, intake)
  const { rows, refusals } = decodeInto(format, payload, route, intake)
  const [refusal] = refusals
  if (refusal === undefined || refusals.length > 1 || rows.length > 0)
    throw new Error(`${String(payload.slice(0, 100))}: ${rows.length} rows, ${refusals.length} refusals`)
  return { code: refusal.code, field: refusal.field }
}
