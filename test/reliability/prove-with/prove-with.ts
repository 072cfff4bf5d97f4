import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Fault } from '../../../src/prove/fault.ts'
import { freePort } from '../../../src/prove/free-port.ts'
import { OwnServer, type OwnServerOptions } from '../../../src/prove/own-server.ts'
import { prove } from '../../../src/prove/prove.ts'
import type { Outcome, Report } from '../runner/proof.ts'

export interface Load {
  readonly devices: number
  /** Records a second, all devices together. */
  readonly rate: number
  /** Of the server. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where its data lies; without it in the folder of the run. */
  readonly folder?: string
}

const program = path.resolve(import.meta.dirname, '../../../src/cli/main.ts')

/** `sluice prove` with these faults, each done once in this order, and what it found. */
export async function proveWith(
  faults: readonly Fault[],
  { devices, rate, settings = {}, folder }: Load,
  report: Report,
): Promise<Outcome> {
  const { seed, signal, note } = report
  const place = path.join(folder ?? report.folder, 'server')
  mkdirSync(place)
  const ports = { mqttPort: await freePort(), httpPort: await freePort() }
  let options: OwnServerOptions = {
    ...{ program, folder: place, ...ports, environment: {}, nodeFlags: [], readyMs: 30_000 },
    settings: {
      ...{ 'sinks.copy.type': 'file', 'sinks.copy.path': path.join(place, 'copy.ndjson') },
      // However long it runs, nothing is rotated away that is to be judged.
      ...{ 'sinks.copy.keep': '1000' },
      ...settings,
    },
  }
  for (const fault of new Set(faults)) {
    const why = await fault.unavailable?.()
    if (why !== undefined) return { n: 0, seen: {}, faults: [`${fault.name} cannot be done here: ${why}`] }
    options = (await fault.prepare?.(options)) ?? options
  }
  const server = new OwnServer(options)
  report.ends(() => server.kill())
  let done = 0
  const counted = faults.map(
    (fault): Fault => ({
      ...fault,
      async inject(...args) {
        const found = await fault.inject(...args)
        note(`${++done}/${faults.length} ${fault.name} ${JSON.stringify(found.counts)}`)
        return found
      },
    }),
  )
  const own = {
    server,
    sinks: [
      { name: 'main', type: 'duckdb', file: path.join(server.data, 'main.duckdb') },
      { name: 'copy', type: 'file', file: path.join(place, 'copy.ndjson') },
    ],
  } as const
  const load = { seed, seconds: 0, devices, rate, qos: 'mixed' } as const
  const { report: found, ledger } = await prove(
    { ...load, url: server.url, faults: counted, own, onProgress: note },
    signal,
  )
  if (!found.ok) {
    writeFileSync(path.join(report.folder, 'ledger.ndjson'), ledger.encode())
    writeFileSync(path.join(report.folder, 'output'), server.output)
  }
  const { ok, violations, examples, books, ...seen } = found
  const wrong = [...violations, ...books.differences, ...examples]
  return { n: done, seen, faults: ok ? [] : wrong.length > 0 ? wrong : ['not ok'] }
}
