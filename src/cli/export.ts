import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../lib/reason.ts'
import { writeStream } from '../lib/text-file.ts'
import { Client } from './client.ts'
import { exitCode } from './failure.ts'
import { findSeries } from './find-series.ts'

export interface ExportOptions {
  readonly url: string
  readonly metric?: string
  readonly from?: string
  readonly to?: string
  readonly format: string
  readonly out?: string
}

/** `sluice export DEVICE`: a range as CSV or Parquet, to a file or to standard output. */
export async function exportReadings(
  device: string,
  { url, metric, from, to, format, out }: ExportOptions,
): Promise<number> {
  const client = new Client(url)
  // Before a file is replaced by one that holds nothing.
  await findSeries(client, device, metric)
  const answer = await client.fetch('GET', '/api/v1/export', { device, metric, from, to, format })
  if (answer.body === null) throw new Error('the answer is empty')
  const target = out === undefined ? process.stdout : writeStream(out)
  try {
    await pipeline(Readable.fromWeb(answer.body), target, { end: out !== undefined })
  } catch (error) {
    const isUnopened = error instanceof Error && 'syscall' in error && error.syscall === 'open'
    const what = isUnopened ? 'cannot be written' : 'broke off'
    throw new Error(`the export${out === undefined ? '' : ` to ${out}`} ${what}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (out !== undefined) process.stderr.write(`written to ${out}\n`)
  return exitCode.ok
}
