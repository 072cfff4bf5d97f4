import { GobBytes, undecodable } from './gob-bytes.ts'

/** A Go struct: the name of its type, and the fields that are not zero. */
export class GobStruct {
  readonly type: string
  readonly fields: ReadonlyMap<string, GobValue>

  constructor(type: string, fields: ReadonlyMap<string, GobValue>) {
    this.type = type
    this.fields = fields
  }
}

/** What a type with an encoding of its own has made of itself, such as time.Time. */
export class GobOpaque {
  readonly type: string
  readonly bytes: Uint8Array

  constructor(type: string, bytes: Uint8Array) {
    this.type = type
    this.bytes = bytes
  }
}

/** Integers that a double does not hold are bigints; a map has its keys and values in turn; nil is undefined. */
export type GobValue =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | GobStruct
  | GobOpaque
  | readonly GobValue[]

/**
 * Reads bytes[from, to) as a gob stream of one value (https://pkg.go.dev/encoding/gob): descriptions of types, then the value, each
 * behind its length. @throws RecordFault `undecodable`.
 */
export function readGob(bytes: Uint8Array, from: number, to: number): GobValue {
  if (from === to) throw undecodable('nothing stands here')
  return new GobReader(bytes, from, to).read()
}

interface Field {
  readonly name: string
  readonly type: number
}

type GobType =
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: 'list'; readonly element: number }
  | { readonly kind: 'map'; readonly key: number; readonly value: number }
  | { readonly kind: 'opaque'; readonly name: string }

/** Types that every stream knows (encoding/gob, type.go). */
const id = { bool: 1, int: 2, uint: 3, float: 4, bytes: 5, string: 6, complex: 7, interface: 8 } as const

const struct = (name: string, fields: Readonly<Record<string, number>>): GobType => ({
  kind: 'struct',
  name,
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
})

/** Those that describe the others. A description is a `wireType`, of which one field is given. */
const wireType = 16
const known: ReadonlyMap<number, GobType> = new Map([
  [
    wireType,
    struct('wireType', {
      ...{ ArrayT: 17, SliceT: 19, StructT: 20, MapT: 23 },
      ...{ GobEncoderT: 24, BinaryMarshalerT: 24, TextMarshalerT: 24 },
    }),
  ],
  [17, struct('arrayType', { CommonType: 18, Elem: id.int, Len: id.int })],
  [18, struct('CommonType', { Name: id.string, Id: id.int })],
  [19, struct('sliceType', { CommonType: 18, Elem: id.int })],
  [20, struct('structType', { CommonType: 18, Field: 22 })],
  [21, struct('fieldType', { Name: id.string, Id: id.int })],
  [22, { kind: 'list', element: 21 }],
  [23, struct('mapType', { CommonType: 18, Key: id.int, Elem: id.int })],
  [24, struct('gobEncoderType', { CommonType: 18 })],
])

/** Deeper values are nobody's. */
const maxDepth = 32

class GobReader extends GobBytes {
  readonly #types = new Map(known)
  readonly #end: number
  #depth = 0

  constructor(bytes: Uint8Array, from: number, to: number) {
    super(bytes, from, to)
    this.#end = to
  }

  read(): GobValue {
    for (;;) {
      this.#nextMessage()
      const type = this.typeId()
      if (type >= 0) {
        const value = this.#whole(type)
        if (this.at < this.#end) throw undecodable('the gob holds more than one value')
        return value
      }
      this.#describe(-type)
      if (this.at < this.to) throw undecodable('something stands behind a type of the gob')
    }
  }

  #nextMessage(): void {
    this.to = this.#end
    const size = this.count()
    this.to = this.at + size
  }

  /** A value by itself: what is no struct has a 0 before it. */
  #whole(type: number): GobValue {
    if (this.#types.get(type)?.kind !== 'struct' && this.byte() !== 0)
      throw undecodable('a value of the gob does not begin with 0')
    return this.#value(type)
  }

  /** Reads the description of a type that has this number from now on. */
  #describe(type: number): void {
    if (this.#types.has(type) || type <= 24) throw undecodable('the gob describes a type twice')
    const wire = this.#value(wireType)
    const [[kind, description] = ['', undefined]] = wire instanceof GobStruct ? [...wire.fields] : []
    if (!(description instanceof GobStruct)) throw undecodable('the gob describes no type')
    const name = textOf(structOf(description, 'CommonType'), 'Name')
    const number = (field: string) => Number(description.fields.get(field) ?? 0)
    this.#types.set(type, made(kind, name, number, description))
  }

  #value(type: number): GobValue {
    switch (type) {
      case id.bool:
        return this.uint() !== 0
      case id.int:
        return this.int()
      case id.uint:
        return this.uint()
      case id.float:
        return this.float()
      case id.bytes:
        return this.block()
      case id.string:
        return this.text()
      case id.complex:
        return [this.float(), this.float()]
    }
    if (++this.#depth > maxDepth) throw undecodable('the gob is nested too deeply')
    const value = type === id.interface ? this.#any() : this.#compound(type)
    this.#depth--
    return value
  }

  #compound(number: number): GobValue {
    const type = this.#types.get(number)
    switch (type?.kind) {
      case 'struct':
        return this.#struct(type.name, type.fields)
      case 'list':
        return this.#several(this.count(), type.element)
      case 'map':
        return this.#several(this.count(), type.key, type.value)
      case 'opaque':
        return new GobOpaque(type.name, this.block())
      case undefined:
        throw undecodable('the gob holds a type that it does not describe')
    }
  }

  #several(count: number, ...types: readonly number[]): GobValue[] {
    const values: GobValue[] = []
    for (let i = 0; i < count; i++) for (const type of types) values.push(this.#value(type))
    return values
  }

  /** Fields that are not zero, each behind its distance from the last; 0 ends them. */
  #struct(name: string, fields: readonly Field[]): GobStruct {
    const values = new Map<string, GobValue>()
    for (let place = -1; ; ) {
      const distance = Number(this.uint())
      if (distance === 0) return new GobStruct(name, values)
      place += distance
      const field = fields[place]
      if (field === undefined) throw undecodable('a struct of the gob has a field that its type lacks')
      values.set(field.name, this.#value(field.type))
    }
  }

  /**
   * An `any`: the name of its type, which is empty for nil, its number, its length and itself. Where its type was not known yet, the description
   * stands before the number; it ends its message, and the value goes on in the next.
   */
  #any(): GobValue {
    if (this.text() === '') return undefined
    let type = this.typeId()
    while (type < 0) {
      this.#describe(-type)
      if (this.at === this.to) this.#nextMessage()
      else this.uint()
      type = this.typeId()
    }
    const size = this.count()
    const end = this.at + size
    const value = this.#whole(type)
    if (this.at !== end) throw undecodable('a value of the gob has another length than it says')
    return value
  }
}

function made(
  kind: string,
  name: string,
  number: (field: string) => number,
  description: GobStruct,
): GobType {
  switch (kind) {
    case 'StructT':
      return { kind: 'struct', name, fields: fieldsOf(description) }
    case 'ArrayT':
    case 'SliceT':
      return { kind: 'list', element: number('Elem') }
    case 'MapT':
      return { kind: 'map', key: number('Key'), value: number('Elem') }
    default:
      return { kind: 'opaque', name }
  }
}

function fieldsOf(description: GobStruct): Field[] {
  const list = description.fields.get('Field') ?? []
  return (Array.isArray(list) ? (list as readonly GobValue[]) : []).map((field) => {
    if (!(field instanceof GobStruct)) throw undecodable('the gob describes no type')
    return { name: textOf(field, 'Name'), type: Number(field.fields.get('Id') ?? 0) }
  })
}

function structOf(value: GobStruct, field: string): GobStruct {
  const inner = value.fields.get(field)
  return inner instanceof GobStruct ? inner : new GobStruct('', new Map())
}

function textOf(value: GobStruct, field: string): string {
  const text = value.fields.get(field)
  return typeof text === 'string' ? text : ''
}
