import { stringify } from 'yaml'
import type { ComponentConfig, Config } from './config.ts'
import { mask, withoutPassword } from './mask.ts'
import { formatQuantity, unitOf } from './quantity.ts'
import type { Path } from './tree.ts'

/** The configuration in effect as YAML, in the units that people write, with every secret masked. */
export function printConfig(config: Config, secrets: readonly Path[]): string {
  const hidden = new Set(secrets.map((path) => path.join('.')))
  const written = {
    ...config,
    sources: flat(config.sources),
    stores: flat(config.stores),
    sinks: flat(config.sinks),
    pipelines: pipelines(config),
  }
  return stringify(shown(written, [], hidden), { lineWidth: 0 })
}

const withType = ({ type, options }: ComponentConfig) => ({ type, ...options })

function flat(components: Readonly<Record<string, ComponentConfig>>): object {
  return Object.fromEntries(
    Object.entries(components).map(([name, component]) => [name, withType(component)]),
  )
}

function pipelines(config: Config): object {
  return Object.fromEntries(
    Object.entries(config.pipelines).map(([name, { processors }]) => [
      name,
      { processors: processors.map(withType) },
    ]),
  )
}

function shown(value: unknown, at: Path, hidden: ReadonlySet<string>): unknown {
  if (hidden.has(at.join('.'))) return mask
  if (Array.isArray(value)) return value.map((item: unknown, i) => shown(item, [...at, String(i)], hidden))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, shown(item, [...at, key], hidden)]),
    )
  if (typeof value === 'number') {
    const unit = unitOf(at.at(-1) ?? '')
    // A bare number is in the unit already, and days are as short as any other word.
    if (unit === undefined || unit === 'days') return value
    const text = formatQuantity(value, unit)
    return text === String(value) ? value : text
  }
  return typeof value === 'string' ? withoutPassword(value) : value
}
