import type { z } from 'zod'
import type { Components, ComponentTable } from './components.ts'
import { type ComponentConfig, type Config, configSchema } from './config.ts'
import { explainIssue, show, unknownKey } from './explain.ts'
import type { ConfigFault } from './fault.ts'
import { plainOf } from './plain.ts'
import { type Checked, judgeRules } from './rules.ts'
import { shapeOf } from './shape.ts'
import { suggest } from './suggest.ts'
import { child, type ConfigNode, emptyMap, type MapNode, type Path } from './tree.ts'

export interface CheckResult {
  /** undefined if there are faults. */
  readonly config: Config | undefined
  readonly faults: readonly ConfigFault[]
  /** Paths of settings that must not be shown. */
  readonly secrets: readonly Path[]
}

/** Checks the whole tree and finds every fault at once: sections, then components, then what only the whole can show. */
export async function checkTree(root: ConfigNode, components: Components): Promise<CheckResult> {
  const check = new Check(root)
  const { sources, stores, sinks, pipelines, ...sections } = configSchema.shape
  const keys = Object.keys(configSchema.shape)
  if (root.kind === 'map') {
    for (const key of root.entries.keys())
      if (!keys.includes(key)) check.faults.push(unknownKey(root, [key], key, keys))
  }
  // The schema of each key gives the value of that key: Object.entries forgets which is which.
  const checked = Object.fromEntries(
    Object.entries(sections).map(([key, schema]) => [key, check.section(key, schema)]),
  ) as Checked
  check.section('sources', sources)
  check.section('stores', stores)
  check.section('sinks', sinks)
  check.section('pipelines', pipelines)
  const whole: Checked = {
    ...checked,
    sources: await check.named('sources', components.sources),
    stores: await check.named('stores', components.stores),
    sinks: await check.named('sinks', components.sinks),
    pipelines: await check.pipelines(components.processors),
  }
  const faults = [...check.faults, ...judgeRules(whole, root)]
  // No fault: every section passed, so none is undefined.
  const config = faults.length === 0 ? (whole as Config) : undefined
  return { config, faults, secrets: check.secrets }
}

class Check {
  readonly faults: ConfigFault[] = []
  readonly secrets: Path[] = []
  readonly #root: ConfigNode

  constructor(root: ConfigNode) {
    this.#root = root
  }

  /** The checked value of one top-level key, undefined if it has faults. */
  section(key: string, schema: z.ZodType): unknown {
    const node = child(this.#root, key)
    if (node === undefined) return schema.parse(undefined)
    // The one name that zod leaves out of a record without a word.
    if (shapeOf(schema).kind === 'record' && child(node, '__proto__') !== undefined)
      this.faults.push(unknownKey(this.#root, [key, '__proto__'], '__proto__', []))
    return this.#parse(node, [key], schema)
  }

  /** What stands under a name, each with a type. */
  async named(
    key: 'sources' | 'stores' | 'sinks',
    table: ComponentTable,
  ): Promise<Record<string, ComponentConfig>> {
    const node = child(this.#root, key)
    const named: Record<string, ComponentConfig> = {}
    if (node?.kind !== 'map') return named
    for (const [name, entry] of node.entries) {
      // A faulty component keeps its name, so that a pipeline of it is no further fault.
      named[name] = (await this.#component(entry, [key, name], table)) ?? { type: '', options: {} }
    }
    return named
  }

  async pipelines(table: ComponentTable): Promise<Config['pipelines']> {
    const node = child(this.#root, 'pipelines')
    const pipelines: Record<string, { processors: ComponentConfig[] }> = {}
    if (node?.kind !== 'map') return pipelines
    for (const [name, pipeline] of node.entries) {
      const processors: ComponentConfig[] = []
      const list = child(pipeline, 'processors')
      for (const [i, entry] of (list?.kind === 'list' ? list.items : []).entries()) {
        const checked = await this.#component(entry, ['pipelines', name, 'processors', String(i)], table)
        if (checked !== undefined) processors.push(checked)
      }
      pipelines[name] = { processors }
    }
    return pipelines
  }

  async #component(node: ConfigNode, at: Path, table: ComponentTable): Promise<ComponentConfig | undefined> {
    const typeNode = child(node, 'type')
    // That `type` is missing, or no text, the section's own schema has told.
    if (node.kind !== 'map' || typeNode?.kind !== 'value' || typeof typeNode.value !== 'string')
      return undefined
    const type = typeNode.value
    const load = Object.hasOwn(table, type) ? table[type] : undefined
    if (load === undefined) {
      const types = Object.keys(table)
      const near = suggest(type, types)
      const message = `expected ${types.join(', ') || 'none, there are no types yet'}; got ${show(typeNode)}`
      const told = near === undefined ? message : `${message}: did you mean ${near}?`
      this.faults.push({ path: [...at, 'type'].join('.'), origin: typeNode.origin, message: told })
      return undefined
    }
    const { schema } = await load()
    const entries = new Map(node.entries)
    entries.delete('type')
    const options: MapNode = { ...emptyMap, origin: node.origin, entries }
    const parsed = this.#parse(options, at, schema)
    // A component's schema is an object of options.
    return parsed === undefined ? undefined : { type, options: parsed as Record<string, unknown> }
  }

  #parse(node: ConfigNode, at: Path, schema: z.ZodType): unknown {
    this.#findSecrets(node, at, schema)
    const plain = plainOf(node, schema, at.at(-1) ?? '')
    const result = schema.safeParse(plain)
    if (result.success) return result.data
    for (const issue of result.error.issues) this.faults.push(...explainIssue(issue, this.#root, at, schema))
    return undefined
  }

  /** A secret comes from the environment or a file of its own: in the configuration file or on a command line others can read it. */
  #findSecrets(node: ConfigNode, at: Path, schema: z.ZodType | undefined): void {
    const shape = schema && shapeOf(schema)
    if (node.kind === 'value') {
      const isSecret = shape?.isSecret === true
      if (!isSecret && node.form !== 'secret') return
      this.secrets.push(at)
      const isOpen = node.origin.kind === 'set' || (node.form === 'yaml' && node.origin.kind === 'file')
      if (isSecret && isOpen && node.form !== 'secret' && node.value !== null)
        this.faults.push({
          path: at.join('.'),
          origin: node.origin,
          message: 'is a secret: write ${NAME} or ${file:PATH} instead of the secret itself',
        })
      return
    }
    if (shape?.isSecret === true) this.secrets.push(at)
    const items: Iterable<[string, ConfigNode]> =
      node.kind === 'map' ? node.entries : node.items.map((item, i) => [String(i), item])
    for (const [key, item] of items)
      this.#findSecrets(item, [...at, key], shape && (shape.keys.get(key) ?? shape.item))
  }
}
