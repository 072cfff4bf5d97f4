import { z } from 'zod'

/** What a schema looks like from outside: what configuration needs to read text, to suggest keys and to print its documentation. */
export interface Shape {
  readonly kind: 'object' | 'record' | 'array' | 'string' | 'number' | 'boolean' | 'enum' | 'union' | 'other'
  /** The schema below defaults, optionals and transforms. */
  readonly schema: z.ZodType
  /** Keys of an object, of all the forms of a union. */
  readonly keys: ReadonlyMap<string, z.ZodType>
  /** What a record's values or an array's items are. */
  readonly item: z.ZodType | undefined
  /** Values of an enum, or the one of a literal. */
  readonly values: readonly string[]
  /** Forms of a union. */
  readonly options: readonly z.ZodType[]
  readonly description: string | undefined
  /** What stands there if the key is not written, as the schema gives it. */
  readonly fallback: unknown
  readonly isRequired: boolean
  /** Marked `.meta({ secret: true })`. */
  readonly isSecret: boolean
}

const none: ReadonlyMap<string, z.ZodType> = new Map()

export function shapeOf(outer: z.ZodType): Shape {
  let schema = outer
  let description: string | undefined
  let fallback: unknown
  let isRequired = true
  let isSecret = false
  for (;;) {
    const meta = schema.meta()
    description ??= meta?.description
    isSecret ||= meta?.['secret'] === true
    let inner: unknown
    if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
      fallback ??= schema.def.defaultValue
      isRequired = false
      inner = schema.unwrap()
    } else if (schema instanceof z.ZodOptional) {
      isRequired = false
      inner = schema.unwrap()
    } else if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) inner = schema.unwrap()
    else if (schema instanceof z.ZodPipe) inner = schema.in
    else break
    schema = asSchema(inner)
  }
  const common = {
    schema,
    description,
    fallback,
    isRequired,
    isSecret,
    keys: none,
    item: undefined,
    values: [],
    options: [],
  }
  if (schema instanceof z.ZodObject)
    return {
      ...common,
      kind: 'object',
      keys: new Map(Object.entries(schema.shape as z.core.$ZodShape).map(typed)),
    }
  if (schema instanceof z.ZodRecord) return { ...common, kind: 'record', item: asSchema(schema.valueType) }
  if (schema instanceof z.ZodArray) return { ...common, kind: 'array', item: asSchema(schema.element) }
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.map(asSchema)
    const keys = new Map(options.flatMap((option) => [...shapeOf(option).keys]))
    return { ...common, kind: 'union', options, keys }
  }
  if (schema instanceof z.ZodEnum) return { ...common, kind: 'enum', values: schema.options.map(String) }
  if (schema instanceof z.ZodLiteral)
    return { ...common, kind: 'enum', values: [...schema.values].map(String) }
  if (schema instanceof z.ZodNumber) return { ...common, kind: 'number' }
  if (schema instanceof z.ZodBoolean) return { ...common, kind: 'boolean' }
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat)
    return { ...common, kind: 'string' }
  return { ...common, kind: 'other' }
}

/** The schema of what stands under `key`, or undefined where nothing may. */
export function childSchema(shape: Shape, key: string): z.ZodType | undefined {
  return shape.keys.get(key) ?? shape.item
}

/** Every schema that is built with `z` is a ZodType; the library's inner types say only the core of it. */
function asSchema(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodType) return schema
  throw new TypeError('not a zod schema')
}

function typed([key, schema]: [string, unknown]): [string, z.ZodType] {
  return [key, asSchema(schema)]
}
