import { randomInt } from 'node:crypto'
import path from 'node:path'
import { components } from '../app/components.ts'
import type { Config } from '../app/config/config.ts'
import { loadConfig } from '../app/config/load.ts'
import { systemClock } from '../lib/clock.ts'
import { printable } from '../lib/printable.ts'
import type { Fault } from '../prove/fault.ts'
import { faultTable } from '../prove/faults/table.ts'
import type { Qos } from '../prove/fleet.ts'
import { proveOwn } from '../prove/own-run.ts'
import { prove, type ProveOptions } from '../prove/prove.ts'
import { type ProveReport, reportText } from '../prove/report.ts'
import type { ReadableSink } from '../prove/sink-judge.ts'
import { Client } from './client.ts'
import { exitCode, usage } from './failure.ts'

export interface ProveCommandOptions {
  readonly url?: string
  readonly seconds: number
  readonly devices: number
  readonly rate?: number
  readonly seed?: number
  readonly qos: '1' | '2' | 'mixed'
  readonly faults?: string
  readonly data?: string
  readonly config?: string
  readonly set: readonly string[]
  readonly json?: boolean
  readonly keep?: boolean
}

/** Options that mean something for a server of our own only. */
const ofOwnServer = ['faults', 'data', 'config', 'keep'] as const
/** Where no configuration is named, a second sink beside the store; it keeps all that it is given. */
const copySink = { 'sinks.copy.type': 'file', 'sinks.copy.path': 'copy.ndjson', 'sinks.copy.keep': '1000' }

/** Whatever the configuration says, a server of the proof takes nothing from elsewhere and listens where only the proof looks. */
const apart = { sources: '{}', 'mqtt.tls': '{}', 'mqtt.host': '127.0.0.1', 'http.host': '127.0.0.1' }

/** `sluice prove`: sends from a verifying fleet, judges every record in every sink, and says what it found; 0 only if all is right. */
export async function proveCommand(options: ProveCommandOptions): Promise<number> {
  const { seconds, devices, rate, qos, url, data, config, json } = options
  const faults = await faultsOf(options.faults)
  if (data === '') throw usage('--data needs the name of a folder')
  const settings = { ...(config === undefined ? copySink : {}), ...pairsOf(options.set), ...apart }
  checkUrl(options)
  if (rate !== undefined && rate * seconds < devices)
    throw usage(
      `--rate ${rate}: in ${seconds} s that is less than a record for each of ${devices} devices; take fewer --devices or more --seconds`,
    )
  const stop = new AbortController()
  const giveUp = () => {
    if (stop.signal.aborted) process.exit(exitCode.failed) // the second time: what was started is killed, its folder stays
    stop.abort(new Error('given up: nothing is proven'))
  }
  process.on('SIGINT', giveUp)
  process.on('SIGTERM', giveUp)
  process.on('SIGHUP', giveUp)
  const seed = options.seed ?? randomInt(2 ** 31)
  const showProgress = progress()
  const shared: Omit<ProveOptions, 'url' | 'own'> = {
    ...{ seed, seconds, devices, rate, faults, onProgress: showProgress },
    qos: qos === 'mixed' ? qos : (Number(qos) as Qos),
  }
  try {
    let report: ProveReport
    if (url === undefined) {
      const sinksIn = async (folder: string) => readableSinks(await configOf(config, settings), folder)
      await sinksIn('') // a configuration that is wrong is told before anything is made
      const topics = topicsWithFleets(await configOf(config, settings))
      const own = { program: process.argv[1] ?? '', folder: data, keep: options.keep === true }
      report = await proveOwn(
        { ...shared, ...own, config, settings: { ...settings, ...topics }, sinksIn },
        stop.signal,
      )
    } else {
      await new Client(url).get('/status', {}) // nobody there is a sentence, not a report
      report = (await prove({ ...shared, url, own: undefined }, stop.signal)).report
    }
    showProgress('')
    process.stdout.write(
      `${json === true ? JSON.stringify(report) : reportText(report, again(options, seed))}\n`,
    )
    return report.ok ? exitCode.ok : exitCode.failed
  } finally {
    showProgress('')
    process.off('SIGINT', giveUp)
    process.off('SIGTERM', giveUp)
    process.off('SIGHUP', giveUp)
  }
}

/** The faults that `--faults` names. @throws usage what is unknown or cannot be done here, with those that can. */
async function faultsOf(names: string | undefined): Promise<Fault[]> {
  if (names === undefined) return []
  const wanted = names.split(',').map((name) => name.trim())
  const complaints: string[] = []
  const faults: Fault[] = []
  for (const name of new Set(wanted)) {
    const fault = Object.hasOwn(faultTable, name) ? await faultTable[name]?.() : undefined
    const reason = fault === undefined ? 'there is no such fault' : await fault.unavailable?.()
    if (reason !== undefined) complaints.push(`${printable(name) || '(nothing)'}: ${reason}`)
    else if (fault !== undefined) faults.push(fault)
  }
  if (complaints.length === 0) return faults
  const possible: string[] = []
  for (const [name, load] of Object.entries(faultTable))
    if ((await (await load()).unavailable?.()) === undefined) possible.push(name)
  throw usage(`--faults ${complaints.join('; ')}. Here can be had: ${possible.join(', ')}`)
}

function checkUrl(options: ProveCommandOptions): void {
  if (options.url === undefined) return
  const given = ofOwnServer.filter((name) => options[name] !== undefined).map((name) => `--${name}`)
  if (options.set.length > 0) given.push('--set')
  if (given.length > 0)
    throw usage(
      `${given.join(', ')} ${given.length === 1 ? 'is' : 'are'} for a server that is started for the proof; without --url one is`,
    )
}

/** `path=value`, each later one over the earlier. */
function pairsOf(sets: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    sets.map((set) => {
      const at = set.indexOf('=')
      if (at < 1) throw usage(`--set ${set}: expected path=value, such as log.segmentBytes=1MiB`)
      const name = set.slice(0, at).trim()
      if (/^(sources|mqtt\.(tls|host|port)|http\.(host|port))(\.|$)/.test(name))
        throw usage(
          `--set ${set}: a server of the proof has no sources and no TLS, and listens on loopback, on free ports`,
        )
      if (name === 'data') throw usage(`--set ${set}: name a new folder with --data`)
      return [name, set.slice(at + 1)]
    }),
  )
}

/** By which the fleet sends its readings: a server whose topics are others would take them for messages that are no data. */
const fleetTopics = 'dev/{device...}/{metric}'

function topicsWithFleets({ topics }: Config): Record<string, string> {
  return topics.includes(fleetTopics) ? {} : { topics: JSON.stringify([fleetTopics, ...topics]) }
}

/** As the server will read it, which gets none of our own environment's settings. */
function configOf(file: string | undefined, settings: Readonly<Record<string, string>>): Promise<Config> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')))
  const sets = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return loadConfig({ file, env, sets, components })
}

/** The sinks whose rows stand in files below the data folder. */
function readableSinks({ stores, sinks }: Config, data: string): ReadableSink[] {
  const readable: ReadableSink[] = []
  for (const [name, { options }] of Object.entries({ ...stores, ...sinks })) {
    const file = options['path']
    if (typeof file === 'string' && (path.isAbsolute(file) || path.normalize(file).startsWith('..')))
      throw usage(
        `${name} writes to ${file}, outside the data folder of the proof; name another with --set sinks.${name}.path=${name}.ndjson`,
      )
  }
  if (Object.keys(stores).length === 0)
    throw usage(
      'the configuration has no store: where nothing keeps dead letters, nothing can be proven of them',
    )
  for (const [name, { type }] of Object.entries(stores))
    if (type === 'duckdb') readable.push({ name, type, file: path.join(data, `${name}.duckdb`) })
  for (const [name, { type, options }] of Object.entries(sinks)) {
    const file = options['path']
    if (type === 'file' && typeof file === 'string')
      readable.push({ name, type, file: path.resolve(data, file) })
  }
  return readable
}

/** The command that sends the same and does the same faults, as far as a seed decides that. */
function again(options: ProveCommandOptions, seed: number): string {
  const { url, seconds, devices, rate, qos, faults, config, set } = options
  const parts = ['sluice prove']
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) parts.push(`--${name} ${value}`)
  }
  add('url', url)
  add('seconds', seconds)
  add('devices', devices)
  add('rate', rate)
  add('qos', qos)
  add('faults', faults)
  add('config', config)
  for (const pair of set) add('set', pair)
  add('seed', seed)
  return printable(parts.join(' '))
}

/** A line that is written over on a terminal, and one every half minute elsewhere: a long wait says what it waits for. */
function progress(): (what: string) => void {
  let toldMs = systemClock.monotonicMs()
  return (what) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${printable(what)}`)
    else if (what !== '' && systemClock.monotonicMs() - toldMs >= tellEveryMs) {
      toldMs = systemClock.monotonicMs()
      process.stderr.write(`${printable(what)}\n`)
    }
  }
}

const tellEveryMs = 30_000
