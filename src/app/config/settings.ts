import type { z } from 'zod'
import type { ConfigFault } from './fault.ts'
import { childSchema, shapeOf } from './shape.ts'
import type { Environment } from './substitute.ts'
import { suggest } from './suggest.ts'
import { type ConfigNode, nearest, type Origin, type Path, withNode } from './tree.ts'
import { readFlow } from './yaml-file.ts'

/** One value from outside the file. */
export interface Setting {
  readonly path: Path
  readonly text: string
  readonly origin: Origin
}

/** The variable that names the configuration file; it is no setting. */
export const fileVariable = 'SLUICE_CONFIG'

/** Kubernetes puts these into every container beside a service called `sluice…`; they are none of ours. */
const isFromKubernetes = (name: string, value: string) =>
  /^(tcp|udp|sctp):\/\//.test(value) ||
  /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$/.test(name) ||
  /_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$/.test(name)

/**
 * `SLUICE_HTTP_PORT` is `http.port`, `SLUICE_DEAD_LETTERS_MAX_BYTES` is `deadLetters.maxBytes`: the words of the path, in capitals. Where
 * a path runs through a name that people chose, two underscores stand between the levels:
 * `SLUICE_STORES__MAIN__THREADS`.
 */
export function environmentSettings(
  environment: Environment,
  schema: z.ZodType,
): { settings: Setting[]; faults: ConfigFault[] } {
  const known = environmentNames(schema)
  const settings: Setting[] = []
  const faults: ConfigFault[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('SLUICE_') || text === undefined || name === fileVariable) continue
    if (isFromKubernetes(name, text)) continue
    const origin: Origin = { kind: 'environment', name }
    const path = known.get(name) ?? nestedPath(name, schema)
    if (path !== undefined) settings.push({ path, text, origin })
    else {
      const near = suggest(name, known.keys())
      const message = `no setting has the name ${name}${near === undefined ? '' : `; did you mean ${near}?`}`
      faults.push({ path: '', origin, message })
    }
  }
  return { settings, faults }
}

/** Variable → path, for every key that has a fixed place. */
export function environmentNames(schema: z.ZodType): Map<string, Path> {
  const names = new Map<string, Path>()
  const walk = (at: z.ZodType, path: Path) => {
    const shape = shapeOf(at)
    if (shape.kind === 'object') for (const [key, item] of shape.keys) walk(item, [...path, key])
    else names.set(`SLUICE_${path.map(inCapitals).join('_')}`, path)
  }
  walk(schema, [])
  return names
}

export function inCapitals(key: string): string {
  return key
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('-', '_')
    .toUpperCase()
}

/** `--set http.port=18080` */
export function setSettings(sets: readonly string[]): { settings: Setting[]; faults: ConfigFault[] } {
  const settings: Setting[] = []
  const faults: ConfigFault[] = []
  for (const set of sets) {
    const at = set.indexOf('=')
    const path = set.slice(0, at).trim().split('.')
    if (at < 1 || path.includes('')) {
      const origin: Origin = { kind: 'set', text: set }
      faults.push({ path: '', origin, message: 'expected path=value, such as http.port=18080' })
    } else settings.push({ path, text: set.slice(at + 1), origin: { kind: 'set', text: set.slice(0, at) } })
  }
  return { settings, faults }
}

/** The tree with the settings in it, the later ones over the earlier. */
export function apply(
  root: ConfigNode,
  settings: readonly Setting[],
  schema: z.ZodType,
): { root: ConfigNode; faults: ConfigFault[] } {
  const faults: ConfigFault[] = []
  for (const { path, text, origin } of settings) {
    const above = path.slice(0, -1)
    const { node, isExact } = nearest(root, above)
    if (isExact && node.kind === 'list') {
      const message = `${above.join('.')} is a list: set it whole, such as ${above.join('.')}='[a, b]'`
      faults.push({ path: path.join('.'), origin, message })
    } else root = withNode(root, path, settingNode(text, origin, schemaAt(schema, path)))
  }
  return { root, faults }
}

/** Text that is to be a map or a list is read as YAML here; any other keeps its form until its key's schema is known. */
function settingNode(text: string, origin: Origin, schema: z.ZodType | undefined): ConfigNode {
  const kind = schema && shapeOf(schema).kind
  if (kind === 'object' || kind === 'record' || (kind === 'array' && text.trimStart().startsWith('['))) {
    const read = readFlow(text, origin)
    if (read !== undefined) return read
  }
  return { kind: 'value', origin, value: text, form: 'text' }
}

function schemaAt(schema: z.ZodType, path: Path): z.ZodType | undefined {
  let at: z.ZodType | undefined = schema
  for (const key of path) at = at && childSchema(shapeOf(at), key)
  return at
}

/** `SLUICE_A__B_C__D` → [a, bC, d]; under a record the level is a name, written with dashes. */
function nestedPath(variable: string, schema: z.ZodType): Path | undefined {
  const levels = variable.slice('SLUICE_'.length).split('__')
  if (levels.length < 2 || levels.includes('')) return undefined
  const path: string[] = []
  let at: z.ZodType | undefined = schema
  for (const level of levels) {
    const shape: ReturnType<typeof shapeOf> | undefined = at && shapeOf(at)
    const words = level.toLowerCase()
    const key: string =
      shape?.kind === 'record'
        ? words.replaceAll('_', '-')
        : words.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    if (path.length === 0 && shape?.keys.has(key) !== true) return undefined
    path.push(key)
    at = shape && childSchema(shape, key)
  }
  return path
}
