import { Client } from './client.ts'
import { exitCode } from './failure.ts'
import { findSeries } from './find-series.ts'
import { saveAnswer } from './save-answer.ts'

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
  await saveAnswer(answer, out)
  return exitCode.ok
}
