import { isUtf8 } from 'node:buffer'
import { type Batch, isText, numberAt } from '../../core/batch.ts'
import type { Refusal } from '../../core/sink.ts'
import { bytesAt, type TextColumn, textAt } from '../../core/text-column.ts'

/**
 * A batch as NDJSON, one object a row. `seq` is the row's number in the log: the stable key by which a reader can tell a repeated line.
 * Times are ms since 1970, with a fraction where there are µs.
 */
export function linesOf(batch: Batch): string {
  const lines: string[] = []
  for (let i = 0; i < batch.length; i++) lines.push(JSON.stringify(lineOf(batch, i)))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Rows that no line can tell. The doors let none of them in; a log that was written otherwise, or is damaged, may hold some. */
export function refusalsOf(batch: Batch): Refusal[] {
  const refused: Refusal[] = []
  if (batch.kind === 'edit') return refused
  for (let index = 0; index < batch.length; index++) {
    const why = batch.kind === 'readings' ? faultOfReading(batch, index) : faultOfDocument(batch, index)
    if (why !== undefined) refused.push({ index, ...why })
  }
  return refused
}

type Fault = Pick<Refusal, 'code' | 'reason'>

function faultOfReading(batch: Extract<Batch, { kind: 'readings' }>, i: number): Fault | undefined {
  const id = batch.series[i] ?? -1
  if (batch.names.get(id) === undefined)
    return { code: 'row-refused', reason: `series ${id} has no name in the log's dictionary` }
  const isNumber = ((batch.flags[i] ?? 0) & isText) === 0
  if (isNumber && !Number.isFinite(batch.value[i]))
    return { code: 'invalid-value', reason: 'the value is not a finite number' }
  return faultOfTime(batch.time[i]) ?? faultOfTexts([batch.text, batch.extra], i)
}

function faultOfDocument(batch: Extract<Batch, { kind: 'documents' }>, i: number): Fault | undefined {
  return faultOfTime(batch.time[i]) ?? faultOfTexts([batch.key], i)
}

function faultOfTime(time: number | undefined): Fault | undefined {
  return Number.isSafeInteger(Math.floor(time ?? Number.NaN))
    ? undefined
    : { code: 'invalid-time', reason: `time ${time} µs cannot be kept exactly` }
}

function faultOfTexts(columns: readonly (TextColumn | undefined)[], i: number): Fault | undefined {
  return columns.every((column) => column === undefined || isUtf8(bytesAt(column, i)))
    ? undefined
    : { code: 'invalid-value', reason: 'the text is not valid UTF-8' }
}

function lineOf(batch: Batch, i: number): object {
  const seq = Number(numberAt(batch, i))
  if (batch.kind === 'edit') {
    const { device, metric, from, to, patch } = batch
    return {
      seq,
      edit: patch === undefined ? 'delete' : 'update',
      device,
      metric,
      from: from / 1000,
      to: to / 1000,
      ...patch,
    }
  }
  const time = (batch.time[i] ?? 0) / 1000
  if (batch.kind === 'documents') {
    const bytes = Buffer.from(bytesAt(batch.body, i))
    const body = isUtf8(bytes) ? { body: bytes.toString('utf8') } : { bodyBase64: bytes.toString('base64') }
    return { seq, stream: batch.stream, key: textAt(batch.key, i), time, ...body }
  }
  const name = batch.names.get(batch.series[i] ?? -1)
  const isTextRow = ((batch.flags[i] ?? 0) & isText) !== 0
  const value = isTextRow && batch.text ? textAt(batch.text, i) : batch.value[i]
  const extra = batch.extra ? textAt(batch.extra, i) : ''
  const unit = name?.unit === '' ? undefined : name?.unit
  return {
    seq,
    device: name?.device,
    metric: name?.metric,
    time,
    value,
    quality: batch.quality[i],
    unit,
    // The intake checked that it is the JSON of an object.
    ...(extra === '' ? {} : { extra: JSON.parse(extra) as object }),
  }
}
