import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { writeStream } from '../lib/text-file.ts'
import { Client } from './client.ts'

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
  const answer = await new Client(url).fetch('GET', '/api/v1/export', { device, metric, from, to, format })
  if (answer.body === null) throw new Error('the answer is empty')
  const target = out === undefined ? process.stdout : writeStream(out)
  await pipeline(Readable.fromWeb(answer.body), target, { end: out !== undefined })
  if (out !== undefined) process.stderr.write(`written to ${out}\n`)
  return 0
}
