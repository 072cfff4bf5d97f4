import { type Batch, byNumber, numberAt, sliceDocuments, sliceReadings } from '../../core/batch.ts'
import type { DeadLetter } from '../../core/intake.ts'
import type { LetterRow } from '../../core/letter-replay.ts'
import type { Position } from '../../core/position.ts'
import type { Refusal, RunnerTerms, SinkWrite } from '../../core/sink.ts'
import { bytesAt, textAt } from '../../core/text-column.ts'

export const noTerms: RunnerTerms = { handed: 0, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }

/** Rows [from, to) of a write as a write of their own, with the positions in between. Columns stay views. */
export function sliceWrite(
  write: SinkWrite & { batch: Batch },
  from: number,
  to: number,
): SinkWrite & { batch: Batch } {
  const { batch } = write
  const isFirst = from === 0
  const isLast = to === batch.length
  if (isFirst && isLast) return write
  const at = (i: number): Position => ({ ...write.from, next: numberAt(batch, i) })
  // Terms that belong to no row (filtered, damaged) go with the first slice.
  const extra = isFirst ? { ...write.terms, handed: write.terms.handed - batch.length } : noTerms
  return {
    batch: sliceBatch(batch, from, to),
    from: isFirst ? write.from : at(from),
    to: isLast ? write.to : at(to),
    terms: { ...extra, handed: extra.handed + to - from },
  }
}

/** The write that moves past one refused row: no rows, one dead letter in the books. */
export function letterWrite(write: SinkWrite & { batch: Batch }): SinkWrite {
  return {
    ...write,
    batch: undefined,
    terms: { ...write.terms, deadLettered: write.terms.deadLettered + write.batch.length },
  }
}

/** The letter of a row that the sink refused. Its key makes putting it twice harmless. */
export function letterOf(
  sink: string,
  write: SinkWrite & { batch: Batch },
  i: number,
  refusal: Pick<Refusal, 'code' | 'reason'>,
): DeadLetter {
  const { batch } = write
  const number = numberAt(batch, i)
  const device = deviceOf(batch, i)
  return {
    code: refusal.code,
    reason: refusal.reason,
    bytes: new TextEncoder().encode(JSON.stringify(rowOf(batch, i))),
    source: sink,
    device,
    key: `${sink}/${write.from.log}/${number}`,
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
function rowOf(batch: Batch, i: number): Partial<LetterRow> {
  if (batch.kind === 'edit') {
    const { device, metric, from, to, patch } = batch
    return { device, metric, from, to, patch }
  }
  if (batch.kind === 'documents') {
    return {
      stream: batch.stream,
      key: textAt(batch.key, i),
      time: batch.time[i] ?? 0,
      body: Buffer.from(bytesAt(batch.body, i)).toString('utf8'),
    }
  }
  const name = batch.names.get(batch.series[i] ?? -1)
  const text = batch.text ? textAt(batch.text, i) : ''
  const value = batch.value[i] ?? Number.NaN
  const extra = batch.extra === undefined ? '' : textAt(batch.extra, i)
  return {
    ...(name === undefined ? {} : { device_id: name.device, tag_id: name.metric }),
    v: Number.isNaN(value) ? text : value,
    q: batch.quality[i] ?? 0,
    ts: (batch.time[i] ?? 0) / 1000,
    ...(name === undefined || name.unit === '' ? {} : { unit: name.unit }),
    ...(((batch.flags[i] ?? 0) & byNumber) === 0 ? {} : { by_number: true }),
    ...(extra === '' ? {} : { extra }),
  }
}
