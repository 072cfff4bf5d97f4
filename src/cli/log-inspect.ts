import path from 'node:path'
import { inspectData } from '../app/inspect.ts'
import { printable } from '../lib/printable.ts'
import { exitCode, usage } from './failure.ts'
import { formatTable } from './table.ts'

export interface InspectOptions {
  readonly data: string
  readonly json?: boolean
}

/** `sluice log inspect`: what the segments of a data folder hold. Exit code 1 if something in them is damaged. */
export function inspect({ data, json }: InspectOptions): Promise<number> {
  const reports = inspectData(data)
  if (reports.length === 0) throw usage(`there is no log in ${data}; name the data folder with --data`)
  const damaged = reports.some((report) => report.damage.length > 0)
  if (json) {
    for (const report of reports) process.stdout.write(`${printable(JSON.stringify(report))}\n`)
    return Promise.resolve(damaged ? exitCode.failed : exitCode.ok)
  }
  const time = (micros: number | undefined) =>
    micros === undefined ? '' : new Date(micros / 1000).toISOString()
  const rows = reports.map((report) => [
    path.basename(report.file),
    report.bytes,
    report.commits,
    report.first,
    report.next,
    time(report.from),
    time(report.to),
    Object.entries(report.rows)
      .map(([stream, count]) => `${stream} ${count}`)
      .join(', '),
    [
      ...report.damage.map(({ offset, bytes }) => `${bytes} bytes at ${offset}`),
      // What may be a commit that is being written is no damage for certain.
      ...(report.tailBytes > 0 ? [`the last ${report.tailBytes} bytes are no whole commit`] : []),
    ].join(', '),
  ])
  const headers = ['segment', 'bytes', 'commits', 'first', 'next', 'from', 'to', 'rows', 'damage']
  process.stdout.write(`log ${reports.at(-1)?.log ?? 'unknown'}\n${formatTable(headers, rows)}\n`)
  return Promise.resolve(damaged ? exitCode.failed : exitCode.ok)
}
