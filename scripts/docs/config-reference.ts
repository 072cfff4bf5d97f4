import type { z } from 'zod'
import type { Components, ComponentTable } from '../../src/app/config/components.ts'
import { configSchema } from '../../src/app/config/config.ts'
import { formatQuantity, unitOf } from '../../src/app/config/quantity.ts'
import { shapeOf } from '../../src/app/config/shape.ts'

/** Every key of the configuration as Markdown: a table a section, then one for each component's options. */
export async function configReference(components: Components): Promise<string> {
  const parts = [section('General', configSchema, '', isPlain)]
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    if (!isPlain(schema)) parts.push(section(`\`${key}\``, schema, `${key}.`))
  }
  const kinds: [string, ComponentTable][] = [
    ['Source', components.sources],
    ['Store', components.stores],
    ['Sink', components.sinks],
    ['Processor', components.processors],
  ]
  for (const [kind, table] of kinds) {
    for (const [type, load] of Object.entries(table)) {
      const { schema } = await load()
      parts.push(section(`${kind} of type \`${type}\``, schema, ''))
    }
  }
  return parts.join('\n\n')
}

/** A key that stands by itself: a value, a list or a map of names. */
function isPlain(schema: z.ZodType): boolean {
  return shapeOf(schema).kind !== 'object'
}

function section(
  title: string,
  schema: z.ZodType,
  prefix: string,
  isIncluded: (schema: z.ZodType) => boolean = () => true,
): string {
  const { description, keys } = shapeOf(schema)
  const rows = [...keys]
    .filter(([, item]) => isIncluded(item))
    .flatMap(([key, item]) => rowsOf(key, item, prefix))
  const table = ['| key | default | meaning |', '|---|---|---|', ...rows].join('\n')
  return [`### ${title}`, ...(description === undefined ? [] : [description]), table].join('\n\n')
}

/** The row of a key, and those of the keys below it. */
function rowsOf(key: string, schema: z.ZodType, prefix: string, above?: string): string[] {
  const shape = shapeOf(schema)
  const path = `${prefix}${key}`
  if (shape.kind === 'object')
    return [...shape.keys].flatMap(([name, item]) => rowsOf(name, item, `${path}.`, shape.description))
  const words = [shape.description, above, allowed(shape.values), shape.isSecret ? 'Secret.' : undefined]
  const meaning = words.filter((word) => word !== undefined).join(' ')
  const row = `| \`${path}\` | ${fallback(key, schema)} | ${meaning} |`
  const entry = shape.item === undefined ? undefined : shapeOf(shape.item)
  if (entry === undefined || entry.kind !== 'object' || entry.keys.size === 0) return [row]
  const below = shape.kind === 'array' ? `${path}[].` : `${path}.<name>.`
  const named = [...entry.keys].filter(([name]) => name !== 'type' || shape.kind === 'array')
  return [row, ...named.flatMap(([name, item]) => rowsOf(name, item, below))]
}

function allowed(values: readonly string[]): string | undefined {
  return values.length === 0 ? undefined : `One of ${values.map((value) => `\`${value}\``).join(', ')}.`
}

function fallback(key: string, schema: z.ZodType): string {
  const { fallback, isRequired } = shapeOf(schema)
  if (isRequired) return 'required'
  if (fallback === undefined) return ''
  const unit = unitOf(key)
  const text =
    typeof fallback === 'number' && unit !== undefined
      ? formatQuantity(fallback, unit)
      : typeof fallback === 'string'
        ? fallback
        : JSON.stringify(fallback).replaceAll('","', '", "')
  return `\`${text}\``
}
