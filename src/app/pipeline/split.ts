import {
  type Batch,
  byNumber,
  type Edit,
  isText,
  numberAt,
  type Readings,
  sliceDocuments,
  sliceReadings,
} from '../../core/batch.ts'
import type { DeadLetter } from '../../core/intake.ts'
import { encodeLetterKey } from '../../core/letter-key.ts'
import type { LetterRow } from '../../core/letter-replay.ts'
import type { Position } from '../../core/position.ts'
import type { Refusal, RunnerTerms, SinkWrite } from '../../core/sink.ts'
import { shownTextAt } from '../../core/text-column.ts'

export const noTerms: RunnerTerms = { handed: 0, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }

/** A write of rows, beside everything that the log handed over for them: processors may have taken rows out. */
export interface BatchWrite extends SinkWrite {
  readonly batch: Batch
  readonly handedOver: Batch
}

/** Rows [from, to) of a write as a write of their own, with the positions in between. Columns stay views. */
export function sliceWrite(write: BatchWrite, from: number, to: number): BatchWrite {
  const { batch, handedOver, terms } = write
  const isFirst = from === 0
  const isLast = to === batch.length
  if (isFirst && isLast) return write
  const at = (i: number): Position => ({ ...write.from, next: numberAt(batch, i) })
  const [start, end] = [isFirst ? write.from : at(from), isLast ? write.to : at(to)]
  // A filtered row is counted where its number lies: what follows may be read, and filtered, once more after a crash.
  const handed = handedOver.kind === 'edit' ? 0 : rowsIn(handedOver, start.next, end.next)
  const filtered = handedOver.kind === 'edit' ? 0 : handed - (to - from)
  // What is lost lies before the batch.
  const { damaged, expired } = isFirst ? terms : noTerms
  return {
    batch: sliceBatch(batch, from, to),
    handedOver,
    from: start,
    to: end,
    terms: { handed: handed + damaged + expired, filtered, deadLettered: 0, damaged, expired },
  }
}

/** How many rows of the batch have numbers in [from, to). */
function rowsIn(batch: Batch, from: bigint, to: bigint): number {
  let rows = 0
  for (let i = 0; i < batch.length; i++) {
    const number = numberAt(batch, i)
    if (number >= from && number < to) rows++
  }
  return rows
}

/** The write that moves past one refused row: no rows, one dead letter in the books; none for an edit, which is no row and was not handed over as one. */
export function letterWrite({ from, to, terms, batch }: BatchWrite): SinkWrite {
  return {
    from,
    to,
    batch: undefined,
    terms: { ...terms, deadLettered: terms.deadLettered + (batch.kind === 'edit' ? 0 : batch.length) },
  }
}

/** The letter of a row that the sink refused. Its key makes putting it twice harmless: stores keep one letter of a key. */
export function letterOf(
  sink: string,
  write: SinkWrite & { batch: Batch },
  i: number,
  refusal: Pick<Refusal, 'code' | 'reason'>,
): DeadLetter {
  const { batch } = write
  const device = deviceOf(batch, i)
  return {
    code: refusal.code,
    reason: refusal.reason,
    bytes: new TextEncoder().encode(JSON.stringify(rowOf(batch, i))),
    source: sink,
    device,
    key: encodeLetterKey(sink, { log: write.from.log, number: numberAt(batch, i) }),
  }
}

/** Rows [from, to) of a batch. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  if (batch.kind === 'readings') return sliceReadings(batch, from, to)
  return batch.kind === 'documents' ? sliceDocuments(batch, from, to) : batch
}

function deviceOf(batch: Batch, i: number): string | undefined {
  if (batch.kind === 'readings') return batch.names.get(batch.series[i] ?? -1)?.device
  return batch.kind === 'edit' ? batch.device : undefined
}

/** The row, readings in the form that the ingest doors read, so that the letter can be replayed. What no name was found for has none. */
function rowOf(
  batch: Batch,
  i: number,
): Partial<LetterRow> | Pick<Edit, 'device' | 'metric' | 'from' | 'to' | 'patch'> {
  if (batch.kind === 'edit') {
    const { device, metric, from, to, patch } = batch
    return { device, metric, from, to, patch }
  }
  if (batch.kind === 'documents') {
    return {
      stream: batch.stream,
      key: shownTextAt(batch.key, i),
      time: batch.time[i] ?? 0,
      body: shownTextAt(batch.body, i),
    }
  }
  const name = batch.names.get(batch.series[i] ?? -1)
  const flags = batch.flags[i] ?? 0
  const value = batch.value[i] ?? Number.NaN
  const extra = batch.extra === undefined ? '' : shownTextAt(batch.extra, i)
  return {
    ...(name === undefined ? {} : { device_id: name.device, tag_id: name.metric }),
    // JSON has no word for a number that is none; a letter tells what stood there.
    v: (flags & isText) !== 0 ? textOf(batch, i) : Number.isFinite(value) ? value : String(value),
    q: batch.quality[i] ?? 0,
    ts: (batch.time[i] ?? 0) / 1000,
    ...(name === undefined || name.unit === '' ? {} : { unit: name.unit }),
    ...((flags & byNumber) === 0 ? {} : { by_number: true }),
    ...(extra === '' ? {} : { extra }),
  }
}

function textOf({ text }: Readings, i: number): string {
  return text === undefined ? '' : shownTextAt(text, i)
}
