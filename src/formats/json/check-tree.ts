import { isUnsafe } from './json-source.ts'
import { RecordFault } from '../record-fault.ts'

/**
 * Judges what no store could keep, wherever it stands in a record: U+0000, lone surrogates, nesting deeper than `depth`.
 * True if a number may have lost digits, so that the record must be parsed with its sources. `field` is the dotted path of the
 * member that holds the value, undefined for the record itself.
 */
export function checkTree(value: unknown, depth: number, field?: string): boolean {
  if (typeof value === 'number') return isUnsafe(value)
  if (typeof value === 'string') {
    const what = unstorable(value)
    if (what !== undefined) throw new RecordFault('invalid-value', field, `the text holds ${what}`)
    return false
  }
  if (typeof value !== 'object' || value === null) return false
  if (depth < 0) throw new RecordFault('invalid-value', field, 'the record is nested too deep')
  let hasUnsafe = false
  if (Array.isArray(value)) {
    for (const element of value) if (checkTree(element, depth - 1, field)) hasUnsafe = true
    return hasUnsafe
  }
  for (const [name, member] of Object.entries(value)) {
    const what = unstorable(name)
    if (what !== undefined)
      throw new RecordFault('invalid-name', field, `the name of the member ${quoted(name)} holds ${what}`)
    if (checkTree(member, depth - 1, field === undefined ? name : `${field}.${name}`)) hasUnsafe = true
  }
  return hasUnsafe
}

function unstorable(text: string): string | undefined {
  if (text.includes('\0')) return 'U+0000'
  return text.isWellFormed() ? undefined : 'half a surrogate pair'
}

const maxQuoted = 60

/** A name as its sender wrote it: what cannot be kept stands escaped. */
function quoted(name: string): string {
  return JSON.stringify(name.length > maxQuoted ? `${name.slice(0, maxQuoted)}…` : name)
}
