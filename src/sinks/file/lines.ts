import { type Batch, isText, numberAt } from '../../core/batch.ts'
import { bytesAt, textAt } from '../../core/text-column.ts'

/**
 * A batch as NDJSON, one object a row. `seq` is the row's number in the log: the stable key by which a reader can tell a repeated line.
 * Times are ms since 1970, with a fraction where there are µs.
 */
export function linesOf(batch: Batch): string {
  const lines: string[] = []
  for (let i = 0; i < batch.length; i++) lines.push(JSON.stringify(lineOf(batch, i)))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
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
    const body = Buffer.from(bytesAt(batch.body, i)).toString('utf8')
    return { seq, stream: batch.stream, key: textAt(batch.key, i), time, body }
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
