import { codeOf, type Form, formOf, type KnownName, secretNames, unknown } from './members.ts'
import type { RecordContext } from './parse-record.ts'
import { RecordFault } from '../record-fault.ts'

/** The device of a record: its name, and the id in the payload that named it ('' where the route did). */
export interface NamedDevice {
  readonly name: string
  readonly id: string
}

/** The members of one record. What a form takes is used up; the rest are metrics or extra members. */
export class RecordReader {
  readonly context: RecordContext
  readonly form: Form
  readonly #members: Map<string, unknown>

  constructor(members: Readonly<Record<string, unknown>>, context: RecordContext) {
    this.context = context
    this.#members = new Map(Object.entries(members))
    let known = 0
    let hasUnknown = false
    for (const [name, value] of this.#members) {
      const code = codeOf(name)
      if (code === unknown) hasUnknown = true
      // A null value is a wrong value; every other member that is null, or an empty id, is as good as missing.
      else if (value !== null || values.has(name)) known |= value === '' && ids.has(name) ? 0 : 1 << code
    }
    this.form = formOf(known, hasUnknown, context.route.metric !== undefined)
  }

  has(name: KnownName): boolean {
    return this.#members.has(name)
  }

  /** The first of the names that the record has with a value, or else the first of all. */
  first(names: readonly [KnownName, ...KnownName[]]): KnownName {
    return names.find((name) => (this.#members.get(name) ?? null) !== null) ?? names[0]
  }

  /** The member's value, which is used up by this. */
  take(name: KnownName): unknown {
    const value = this.#members.get(name)
    this.#members.delete(name)
    return value
  }

  /** The members not used up, in their order. */
  rest(): [string, unknown][] {
    return [...this.#members]
  }

  /** The device that the payload names, else the topic's; a mere `id` may be the message's own, so it comes last. */
  device(): NamedDevice {
    const id = this.id('device_id') || this.id('device')
    if (id !== '') return { name: id, id }
    if (this.context.route.device !== undefined) return { name: this.context.route.device, id: '' }
    const last = this.id('id')
    if (last !== '') return { name: last, id: last }
    const place = this.context.route.topic === '' ? 'the query ?device=pump1' : 'the topic'
    const example = '"device": "pump1"'
    throw new RecordFault('missing-field', 'device', `neither the record (${example}) nor ${place} names one`)
  }

  /** The metric that the payload names, '' if it names none. */
  metricId(): string {
    return this.id('tag_id') || this.id('metric')
  }

  /** Takes a member that holds a name; '' where it is missing, null or empty. */
  id(name: KnownName): string {
    const value = this.take(name) ?? ''
    if (typeof value !== 'string') throw new RecordFault('invalid-name', name, 'a name must be a text')
    return this.checkedName(value, name)
  }

  unit(): string | undefined {
    const field = this.first(['u', 'unit'])
    const value = this.take(field) ?? ''
    if (typeof value !== 'string') throw new RecordFault('invalid-value', field, 'a unit must be a text')
    return this.checkedName(value, field) || undefined
  }

  checkedName(name: string, field: string): string {
    const limit = this.context.limits.topicBytes
    const size = Buffer.byteLength(name)
    if (size > limit)
      throw new RecordFault('invalid-name', field, `the name has ${size} bytes, the limit is ${limit}`)
    return name
  }

  /** Gives the row added last these members, less nulls and secrets, as they stand in the payload. */
  addExtra(members: readonly [string, unknown][]): void {
    const kept = members.filter(([name, value]) => value !== null && !secretNames.has(name.toLowerCase()))
    if (kept.length === 0) return
    const texts = kept.map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value, withoutSecrets)}`,
    )
    this.context.intake.addExtra(`{${texts.join(',')}}`)
  }
}

const values: ReadonlySet<string> = new Set(['v', 'value', 'Value'])
const ids: ReadonlySet<string> = new Set(['device_id', 'device', 'id', 'tag_id', 'metric', 'SerialNumber'])

function withoutSecrets(name: string, value: unknown): unknown {
  return secretNames.has(name.toLowerCase()) ? undefined : value
}
