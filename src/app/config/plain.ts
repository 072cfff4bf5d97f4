import type { z } from 'zod'
import { parseQuantity, unitOf } from './quantity.ts'
import { childSchema, type Shape, shapeOf } from './shape.ts'
import type { ConfigNode, ValueNode } from './tree.ts'
import { readFlow } from './yaml-file.ts'

/**
 * The plain value that a schema is to check. The schema decides what text means (a port is a number, a password is not), and the
 * key's name what a quantity counts: `maxBytes: 20 GB`. What cannot be read stays as it is, for the schema to refuse.
 */
export function plainOf(node: ConfigNode, schema: z.ZodType | undefined, key: string): unknown {
  const shape = schema && shapeOf(schema)
  if (node.kind === 'list') return node.items.map((item) => plainOf(item, shape?.item, key))
  if (node.kind === 'map') {
    // No prototype: `__proto__` is a key like any other here, and no schema knows it.
    const plain: Record<string, unknown> = { __proto__: null }
    for (const [name, item] of node.entries)
      plain[name] = plainOf(item, shape && childSchema(shape, name), name)
    return plain
  }
  // A key with nothing behind it is one that was not written.
  if (node.value === null) return undefined
  if (typeof node.value !== 'string' || shape === undefined) return node.value
  return node.form === 'yaml' ? quantityOr(node.value, shape, key) : readText(node, node.value, shape, key)
}

function quantityOr(text: string, shape: Shape, key: string): unknown {
  const unit = unitOf(key)
  const isNumber =
    shape.kind === 'number' || shape.options.some((option) => shapeOf(option).kind === 'number')
  return unit === undefined || !isNumber ? text : (parseQuantity(text, unit) ?? text)
}

function readText(node: ValueNode, text: string, shape: Shape, key: string): unknown {
  switch (shape.kind) {
    case 'string':
    case 'enum':
    case 'other':
      return text
    case 'number': {
      const value = quantityOr(text, shape, key)
      return typeof value === 'string' ? numberOr(value) : value
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'array': {
      if (!text.trimStart().startsWith('[')) {
        const items = text.trim() === '' ? [] : text.split(',').map((item) => item.trim())
        return items.map((item) => plainOf({ ...node, value: item }, shape.item, key))
      }
      return flowOr(node, text, shape, key)
    }
    case 'object':
    case 'record':
      return flowOr(node, text, shape, key)
    case 'union': {
      const forms = shape.options.map(shapeOf)
      const takesText = forms.some((form) => form.kind === 'string')
      for (const form of forms) {
        // `{device}` is a text where texts may stand.
        if (takesText && (form.kind === 'object' || form.kind === 'record')) continue
        const value = readText(node, text, form, key)
        if (typeof value !== 'string') return value
      }
      return text
    }
  }
}

function numberOr(text: string): unknown {
  return /^\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : text
}

function flowOr(node: ValueNode, text: string, shape: Shape, key: string): unknown {
  const read = readFlow(text, node.origin)
  return read === undefined ? text : plainOf(read, shape.schema, key)
}
