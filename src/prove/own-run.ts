import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { makeFolders } from '../lib/make-folders.ts'
import { reasonOf } from '../lib/reason.ts'
import { freePort } from './free-port.ts'
import { OwnServer, type OwnServerOptions } from './own-server.ts'
import { type Proof, prove, type ProveOptions } from './prove.ts'
import type { ProveReport } from './report.ts'
import type { ReadableSink } from './sink-judge.ts'

export interface OwnRunOptions extends Omit<ProveOptions, 'own' | 'url'> {
  /** The program, `src/cli/main.ts`. */
  readonly program: string
  /** Where data and ledger go: a new folder, or an empty one. Without it one is made among the temporary files. */
  readonly folder?: string | undefined
  /** Keeps it in any case, not only where something is wrong. */
  readonly keep: boolean
  readonly config?: string | undefined
  /** `--set` pairs. */
  readonly settings: Readonly<Record<string, string>>
  /** The sinks that the configuration names, their files below the data folder. */
  readonly sinksIn: (data: string) => Promise<readonly ReadableSink[]>
}

const readyMs = 60_000

/** A proof on a server of its own, in a folder of its own, on ports of its own. Nothing of it is left but the folder, where it is kept. */
export async function proveOwn(options: OwnRunOptions, signal: AbortSignal): Promise<ProveReport> {
  const { program, keep, config, settings, faults } = options
  const folder = path.resolve(options.folder ?? fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-prove-')))
  try {
    makeFolders(folder)
  } catch (error) {
    throw new SluiceError('bad-request', `${folder} cannot be made: ${reasonOf(error)}`)
  }
  if (fs.readdirSync(folder).length > 0)
    throw new SluiceError(
      'bad-request',
      `${folder} is not empty: a proof begins with nothing, and must not mix with other data`,
    )
  let isKept = options.folder !== undefined
  try {
    const ports = { mqttPort: await freePort(), httpPort: await freePort() }
    let terms: OwnServerOptions = {
      ...ports,
      program,
      folder,
      settings,
      environment: {},
      nodeFlags: [],
      readyMs,
    }
    if (config !== undefined) terms = { ...terms, config }
    for (const fault of faults) terms = (await fault.prepare?.(terms)) ?? terms
    const server = new OwnServer(terms)
    const sinks = await options.sinksIn(server.data)
    const proof = await prove({ ...options, url: server.url, own: { server, sinks } }, signal)
    isKept ||= keep || !proof.report.ok
    if (!isKept) return proof.report
    const report = { ...proof.report, kept: folder }
    writeEvidence(folder, proof, report, server.output)
    return report
  } catch (error) {
    isKept ||= keep
    throw error
  } finally {
    for (const fault of faults) await fault.close?.()
    if (!isKept) fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Beside the data: what the clients know, what was found, and what the server has printed. */
function writeEvidence(
  folder: string,
  { ledger, badLedger }: Proof,
  report: ProveReport,
  output: string,
): void {
  fs.writeFileSync(path.join(folder, 'ledger.ndjson'), ledger.encode())
  fs.writeFileSync(path.join(folder, 'bad-ledger.ndjson'), badLedger.encode())
  fs.writeFileSync(path.join(folder, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`)
  fs.writeFileSync(path.join(folder, 'server.log'), output)
}
