import { isUnsafe } from './json-source.ts'
import { RecordFault } from './record-fault.ts'

/**
 * Judges what no store could keep, wherever it stands in a record: U+0000, lone surrogates, nesting deeper than `depth`.
 * True if a number may have lost digits, so that the record must be parsed with its sources.
 */
export function checkTree(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return isUnsafe(value)
  if (typeof value === 'string') {
    if (!isStorable(value)) throw new RecordFault('invalid-value', undefined, `a text holds ${what}`)
    return false
  }
  if (typeof value !== 'object' || value === null) return false
  if (depth < 0) throw new RecordFault('invalid-value', undefined, 'the record is nested too deep')
  let hasUnsafe = false
  if (Array.isArray(value)) {
    for (const element of value) if (checkTree(element, depth - 1)) hasUnsafe = true
    return hasUnsafe
  }
  for (const [name, member] of Object.entries(value)) {
    if (!isStorable(name)) throw new RecordFault('invalid-name', undefined, `a member's name holds ${what}`)
    if (checkTree(member, depth - 1)) hasUnsafe = true
  }
  return hasUnsafe
}

const what = 'U+0000 or half a surrogate pair'

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
