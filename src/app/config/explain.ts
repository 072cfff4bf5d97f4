import type { z } from 'zod'
import type { ConfigFault } from './fault.ts'
import { withoutPassword } from './mask.ts'
import { example, unitOf } from './quantity.ts'
import { childSchema, type Shape, shapeOf } from './shape.ts'
import { suggest } from './suggest.ts'
import { type ConfigNode, nearest, type Path } from './tree.ts'

type Issue = z.core.$ZodIssue

/** What zod found, in words that say what would be right, at the place where the value was written. */
export function explainIssue(issue: Issue, root: ConfigNode, base: Path, schema: z.ZodType): ConfigFault[] {
  const path = [...base, ...issue.path.map(String)]
  const { node, isExact } = nearest(root, path)
  if (issue.code === 'unrecognized_keys') {
    const known = shapeAt(schema, issue.path)?.keys.keys() ?? []
    return issue.keys.map((key) => unknownKey(root, [...path, key], key, [...known]))
  }
  const fault = (message: string): ConfigFault[] => [{ path: path.join('.'), origin: node.origin, message }]
  const shape = shapeAt(schema, issue.path)
  // A list may be written as one text: then no node stands for an item.
  const isItem = node.kind === 'value' && issue.code === 'invalid_format'
  if (!isExact && !isItem) return fault(`is missing: expected ${expectation(shape, path)}`)
  const got = shape?.isSecret === true ? 'what stands there' : show(node)

  switch (issue.code) {
    case 'invalid_union': {
      // Only one form may be meant: what is wrong is told of that one.
      const meant = issue.errors.filter((issues) => !issues.some(isOtherKind))
      const [form] = meant
      if (form !== undefined && meant.length === 1 && shape !== undefined)
        return form.flatMap((inner) => explainIssue(inner, root, path, shape.schema))
      return fault(`expected ${expectation(shape, path)}, got ${got}${quoteHint(shape, node)}`)
    }
    case 'invalid_type':
      return fault(`expected ${expectation(shape, path)}, got ${got}${quoteHint(shape, node)}`)
    case 'invalid_value': {
      const near = suggest(textOf(node), issue.values.map(String))
      return fault(
        `expected ${issue.values.map(String).join(', ')}; got ${got}${near === undefined ? '' : `: did you mean ${near}?`}`,
      )
    }
    case 'too_small':
      return fault(
        `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${sized(issue.origin)}, got ${got}`,
      )
    case 'too_big':
      return fault(
        `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}${sized(issue.origin)}, got ${got}`,
      )
    case 'invalid_format':
    case 'custom':
      return fault(`${issue.message}, got ${got}`)
    case 'invalid_key':
      return fault(issue.issues[0]?.message ?? issue.message)
    default:
      return fault(issue.message)
  }
}

export function unknownKey(root: ConfigNode, path: Path, key: string, known: readonly string[]): ConfigFault {
  const near = suggest(key, known)
  const told =
    near !== undefined
      ? `did you mean ${near}?`
      : known.length > 0
        ? `there are: ${known.join(', ')}`
        : 'nothing may stand here'
  return {
    path: path.join('.'),
    origin: nearest(root, path).node.origin,
    message: `no such setting; ${told}`,
  }
}

/** A value as people wrote it, cut short; never one that came out of a secret's file. */
export function show(node: ConfigNode): string {
  if (node.kind !== 'value') return node.kind === 'map' ? 'a map' : 'a list'
  if (node.form === 'secret') return 'what the file holds'
  const text = node.value === null ? 'nothing' : withoutPassword(JSON.stringify(node.value) ?? 'nothing')
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const kinds: Readonly<Record<Shape['kind'], string>> = {
  object: 'a map of settings',
  record: 'a map of names',
  array: 'a list',
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  enum: 'a word',
  union: 'another form',
  other: 'another value',
}

function expectation(shape: Shape | undefined, path: Path): string {
  if (shape === undefined) return 'another value'
  if (shape.kind === 'enum') return shape.values.join(' or ')
  const unit = unitOf(path.at(-1) ?? '')
  if (shape.kind === 'number' && unit !== undefined)
    return unit === 'bytes' ? `a size such as ${example.bytes}` : `a time such as ${example[unit]}`
  if (shape.kind === 'union')
    return shape.options.map((option) => expectation(shapeOf(option), path)).join(' or ')
  return kinds[shape.kind]
}

function isOtherKind(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function quoteHint(shape: Shape | undefined, node: ConfigNode): string {
  const isPlain = node.kind === 'value' && node.value !== null && typeof node.value !== 'string'
  return shape?.kind === 'string' && isPlain ? ' (put it in quotes)' : ''
}

function sized(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : ''
}

function textOf(node: ConfigNode): string {
  return node.kind === 'value' && typeof node.value === 'string' ? node.value : ''
}

function shapeAt(schema: z.ZodType, path: readonly PropertyKey[]): Shape | undefined {
  let shape: Shape | undefined = shapeOf(schema)
  for (const key of path) {
    const next: z.ZodType | undefined = shape && childSchema(shape, String(key))
    shape = next && shapeOf(next)
  }
  return shape
}
