import type { ConfigFault } from './fault.ts'
import type { Config } from './config.ts'
import { suggest } from './suggest.ts'
import { type ConfigNode, nearest, type Path } from './tree.ts'

/** Sections that passed their own check; a rule speaks only of those that are there. */
export type Checked = { readonly [K in keyof Config]?: Config[K] | undefined }

/** What no section can see for itself. */
export function judgeRules(config: Checked, root: ConfigNode): ConfigFault[] {
  const faults: ConfigFault[] = []
  const fault = (path: Path, message: string) =>
    faults.push({ path: path.join('.'), origin: nearest(root, path).node.origin, message })
  judgeDoors(config, fault, (path) => nearest(root, path).isExact)
  judgeCertificates(config, fault)
  judgeSinks(config, fault)

  const { log, limits } = config
  if (log !== undefined && log.segmentBytes * 2 > log.maxBytes)
    fault(['log', 'segmentBytes'], 'must be at most half of log.maxBytes, or retention has nothing to remove')
  if (limits !== undefined && limits.payloadBytes > limits.batchBytes)
    fault(['limits', 'payloadBytes'], 'must not be above limits.batchBytes')
  return faults
}

type Tell = (path: Path, message: string) => void

/** delivery.md, "Safe by default": who has no identity talks to its own machine only. */
function judgeDoors({ auth, ...config }: Checked, fault: Tell, isWritten: (path: Path) => boolean): void {
  if (auth?.enabled === true)
    fault(['auth', 'enabled'], 'this version has no identity yet: only false is accepted')
  const ports: { path: Path; port: number }[] = []
  const doors = [
    { path: ['http'], listener: config.http },
    { path: ['mqtt'], listener: config.mqtt },
    { path: ['mqtt', 'tls'], listener: config.mqtt?.tls },
    { path: ['grpc'], listener: config.grpc },
  ]
  for (const { path, listener } of doors) {
    if (listener === undefined) continue
    ports.push({ path: [...path, 'port'], port: listener.port })
    if (!isLoopback(listener.host))
      fault(
        [...path, 'host'],
        `${JSON.stringify(listener.host)} can be reached from other machines, and there is no identity to ask who calls: use 127.0.0.1`,
      )
  }
  // Told of the key that somebody wrote, not of a default that it meets.
  const [written, byDefault] = [
    ports.filter(({ path }) => isWritten(path)),
    ports.filter(({ path }) => !isWritten(path)),
  ]
  const seen = [...byDefault]
  for (const { path, port } of written) {
    const other = seen.find((taken) => taken.port === port && port !== 0)
    if (other !== undefined) fault(path, `${port} is the port of ${other.path.join('.')} too`)
    seen.push({ path, port })
  }
}

function judgeCertificates({ mqtt }: Checked, fault: Tell): void {
  if (mqtt === undefined) return
  const { certFile, keyFile, caFile, clientCertificates } = mqtt.tls
  const at = (key: string): Path => ['mqtt', 'tls', key]
  if (certFile === undefined && keyFile !== undefined)
    fault(at('keyFile'), 'needs mqtt.tls.certFile beside it')
  if (keyFile === undefined && certFile !== undefined)
    fault(at('certFile'), 'needs mqtt.tls.keyFile beside it')
  if (clientCertificates !== 'none' && caFile === undefined)
    fault(
      at('clientCertificates'),
      `${clientCertificates} needs mqtt.tls.caFile, whose authorities sign them`,
    )
}

/** Stores and sinks are groups of the log under their names; a pipeline belongs to one of them. */
function judgeSinks({ stores, sinks, pipelines }: Checked, fault: Tell): void {
  for (const [section, entries] of Object.entries({ stores, sinks })) {
    if (entries !== undefined && Object.hasOwn(entries, 'state'))
      fault([section, 'state'], "is the name of Sluice's own sink, which keeps its state; choose another")
  }
  for (const name of Object.keys(sinks ?? {})) {
    if (stores !== undefined && Object.hasOwn(stores, name))
      fault(['sinks', name], 'a store has this name already')
  }
  if (stores === undefined || sinks === undefined) return
  const names = [...Object.keys(stores), ...Object.keys(sinks)]
  for (const name of Object.keys(pipelines ?? {})) {
    if (names.includes(name)) continue
    const near = suggest(name, names)
    const told = near === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean ${near}?`
    fault(['pipelines', name], `no store or sink has this name; ${told}`)
  }
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return (
    name === 'localhost' || name === '::1' || /^(::ffff:)?127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(name)
  )
}
