import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exportData } from '../app/log-tools.ts'
import { parseRfc3339 } from '../core/time.ts'
import { printable } from '../lib/printable.ts'
import { writeStream } from '../lib/text-file.ts'
import { exitCode, usage } from './failure.ts'

export interface LogExportOptions {
  readonly data: string
  readonly stream?: string
  readonly from?: string
  readonly to?: string
  readonly out?: string
}

/** `sluice log export`: what the log holds as NDJSON. Exit code 1 if rows were missing, each with a note on standard error. */
export async function exportLog({ data, stream, from, to, out }: LogExportOptions): Promise<number> {
  const bounds = { ...boundOf('from', from), ...boundOf('to', to) }
  for (const [low, high] of [
    [bounds['from'], bounds['to']],
    [bounds['fromMicros'], bounds['toMicros']],
  ]) {
    if (low !== undefined && high !== undefined && low >= high)
      throw usage(`--from ${from} --to ${to}: --from must be before --to, which is not part of it`)
  }
  let isWhole = true
  const lines = exportData(data, { stream, ...bounds }, (missing) => {
    isWhole = false
    process.stderr.write(`sluice: ${printable(missing)}\n`)
  })
  // Before a file is replaced by one that holds nothing.
  const first = lines.next()
  const target = out === undefined ? process.stdout : writeStream(out)
  await pipeline(Readable.from(joined(first, lines)), target, { end: out !== undefined })
  if (!isWhole) process.stderr.write('sluice: "sluice log verify" says what was lost\n')
  return isWhole ? exitCode.ok : exitCode.failed
}

function* joined(first: IteratorResult<string, unknown>, rest: Generator<string>): Generator<string> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** A number of the log, or a time. */
function boundOf(option: 'from' | 'to', text: string | undefined): Record<string, number> {
  if (text === undefined) return {}
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return { [option]: number }
  const micros = parseRfc3339(text)
  if (Number.isNaN(micros))
    throw usage(`--${option} ${text}: expected a number of the log, or a time such as 2026-01-15T10:30:00Z`)
  return { [`${option}Micros`]: micros }
}
