import path from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import { readTextFile } from '../../lib/text-file.ts'
import { checkTree } from './check.ts'
import type { Components } from './components.ts'
import { type Config, configSchema } from './config.ts'
import { type ConfigFault, describeFault, inOrder } from './fault.ts'
import { printConfig } from './print.ts'
import { apply, environmentSettings, fileVariable, type Setting, setSettings } from './settings.ts'
import { type Environment, substitute } from './substitute.ts'
import { child, type ConfigNode, nodeOf, overlay } from './tree.ts'
import { readYaml } from './yaml-file.ts'

/** Where settings come from: each later one stands over the earlier. */
export interface ConfigSources {
  /** What a command adds to the checked configuration. It is printed like the rest. */
  readonly complete?: (config: Config) => Config
  /** The YAML file; if not given, the one that `SLUICE_CONFIG` names, if it does. */
  readonly file?: string | undefined
  /** The process' environment: `SLUICE_*`, and what `${NAME}` in the file stands for. */
  readonly env: Environment
  /** `path=value`, as of `--set`. */
  readonly sets: readonly string[]
  readonly components: Components
}

export interface LoadedConfig {
  /** undefined if there are faults. */
  readonly config: Config | undefined
  /** Everything wrong, those of the file first. */
  readonly faults: readonly ConfigFault[]
  /** The configuration in effect as YAML with secrets masked; '' if there are faults. */
  readonly printed: string
}

/** The checked configuration. @throws SluiceError `config-invalid`, whose message lists every fault. */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const { config, faults } = await readConfig(sources)
  if (config !== undefined) return config
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
  const lines = faults.map((fault) => `\n  ${describeFault(fault)}`)
  throw new SluiceError('config-invalid', `the configuration has ${count}:${lines.join('')}`)
}

/** Reads and checks everything, and tells all that is wrong instead of stopping at the first fault. */
export async function readConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const { complete = unchanged, env, sets, components } = sources
  const faults: ConfigFault[] = []
  const collect = <T extends { faults: readonly ConfigFault[] }>(result: T): T => {
    faults.push(...result.faults)
    return result
  }

  let root: ConfigNode = nodeOf({ stores: configSchema.shape.stores.parse(undefined) })
  const file = sources.file ?? env[fileVariable]
  if (file !== undefined) root = overlayFile(root, collect(readFile(file, env)).root)
  const settings: Setting[] = [
    ...collect(environmentSettings(env, configSchema)).settings,
    ...collect(setSettings(sets)).settings,
  ]
  root = collect(apply(root, settings, configSchema)).root

  const broken = new Set(faults.map((fault) => fault.path))
  const { config: checked, secrets, faults: found } = await checkTree(root, components)
  // What a failed substitution left behind is no second fault.
  faults.push(...found.filter(({ path }) => !broken.has(path)))
  if (checked === undefined || faults.length > 0)
    return { config: undefined, faults: inOrder(faults), printed: '' }
  const config = complete(checked)
  return { config, faults, printed: printConfig(config, secrets) }
}

const unchanged = (config: Config) => config

function readFile(file: string, env: Environment): { root: ConfigNode; faults: ConfigFault[] } {
  try {
    const read = readYaml(file, readTextFile(file))
    const filled = substitute(read.root, env, path.dirname(file))
    return { root: filled.root, faults: [...read.faults, ...filled.faults] }
  } catch (error) {
    const message = `the configuration file cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { root: nodeOf({}), faults: [{ path: '', origin: { kind: 'default' }, message }] }
  }
}

/** A file that names stores means those and no others. */
function overlayFile(lower: ConfigNode, file: ConfigNode): ConfigNode {
  if (lower.kind !== 'map' || child(file, 'stores')?.kind !== 'map') return overlay(lower, file)
  const entries = new Map(lower.entries)
  entries.delete('stores')
  return overlay({ ...lower, entries }, file)
}
