// hot: bench/decode: 100 ns of the 195 ns of an F5 message; four bytes of a string a step: F1 425 to 365 ns
import { codeOfBytes, unknown } from './members.ts'
import { exactNumber } from './exact-number.ts'
import { type NameTable, recordStart, unlisted } from './name-table.ts'
import { kind, maxMembers, type Tokens } from './tokens.ts'

/** Bytes of a string: 0 is plain ASCII, 1 ends the scan (quote, backslash, control character), 2 is beyond ASCII. */
const stringClass = new Uint8Array(256)
stringClass.fill(1, 0, 0x20)
stringClass[0x22] = 1
stringClass[0x5c] = 1
stringClass.fill(2, 0x80)

/**
 * Scans the object that opens at bytes[at] into tokens, without making a string or an object. Returns the place behind its
 * closing brace, or -1 for whatever is unusual or wrong: nested values, null, escapes, doubled known names,
 * numbers that a double does not hold. The parser then judges the record.
 */
export function scanRecord(bytes: Uint8Array, at: number, to: number, tokens: Tokens): number {
  const {
    nameFrom,
    nameTo,
    codes,
    kinds,
    from: valueFrom,
    to: valueTo,
    numbers,
    slots,
    names,
    table,
  } = tokens
  let previous: number = recordStart
  let known = 0
  let hasUnknown = false
  let count = 0
  let i = at
  do {
    i++ // behind `{` or `,`
    while (i < to && isSpace(bytes[i] as number)) i++
    if (i >= to || bytes[i] !== 0x22 || count === maxMembers) return -1
    const nameStart = ++i
    let number = previous < 0 ? 0 : (table.next[previous] as number)
    let name: number
    const end = endOfName(bytes, nameStart, to, table, number)
    if (end >= 0) {
      i = end
      name = table.codes[number] as number
    } else {
      while (i < to && stringClass[bytes[i] as number] !== 1) i++
      if (i >= to || bytes[i] !== 0x22) return -1
      number = table.learn(bytes, nameStart, i, previous)
      name = number === unlisted ? codeOfBytes(bytes, nameStart, i) : (table.codes[number] as number)
    }
    names[count] = previous = number
    if (name === unknown) hasUnknown = true
    else {
      const bit = 1 << name
      if ((known & bit) !== 0) return -1
      known |= bit
      slots[name] = count
    }
    nameFrom[count] = nameStart
    nameTo[count] = i
    codes[count] = name
    i++
    while (i < to && isSpace(bytes[i] as number)) i++
    if (i >= to || bytes[i] !== 0x3a) return -1
    i++
    while (i < to && isSpace(bytes[i] as number)) i++
    if (i >= to) return -1

    const first = bytes[i] as number
    if (first === 0x22) {
      const start = ++i
      let seen = 0
      let byteClass = 0
      for (const last = to - 3; i < last; i += 4) {
        const four =
          (stringClass[bytes[i] as number] as number) |
          (stringClass[bytes[i + 1] as number] as number) |
          (stringClass[bytes[i + 2] as number] as number) |
          (stringClass[bytes[i + 3] as number] as number)
        if ((four & 1) !== 0) break
        seen |= four
      }
      for (; i < to && (byteClass = stringClass[bytes[i] as number] as number) !== 1; i++) seen |= byteClass
      if (i >= to || bytes[i] !== 0x22) return -1
      kinds[count] = seen === 0 ? kind.text : kind.wideText
      valueFrom[count] = start
      valueTo[count] = i
      i++
    } else if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
      valueFrom[count] = i
      i = exactNumber(bytes, i, to, tokens, count)
      if (i < 0) return -1
      valueTo[count] = i
    } else if (first === 0x74) {
      if (to - i < 4 || bytes[i + 1] !== 0x72 || bytes[i + 2] !== 0x75 || bytes[i + 3] !== 0x65) return -1
      kinds[count] = kind.boolean
      numbers[count] = 1
      i += 4
    } else if (first === 0x66) {
      if (
        to - i < 5 ||
        bytes[i + 1] !== 0x61 ||
        bytes[i + 2] !== 0x6c ||
        bytes[i + 3] !== 0x73 ||
        bytes[i + 4] !== 0x65
      )
        return -1
      kinds[count] = kind.boolean
      numbers[count] = 0
      i += 5
    } else return -1

    count++
    while (i < to && isSpace(bytes[i] as number)) i++
  } while (i < to && bytes[i] === 0x2c)
  if (i >= to || bytes[i] !== 0x7d) return -1
  tokens.count = count
  tokens.known = known
  tokens.hasUnknown = hasUnknown
  return i + 1
}

/** Where the closing quote of the name stands if it is this one of the table, else -1. */
function endOfName(bytes: Uint8Array, at: number, to: number, table: NameTable, number: number): number {
  const own = table.bytes
  let j = table.starts[number] as number
  const end = table.starts[number + 1] as number
  if (end - j > to - at || j === end) return -1
  let i = at
  for (const last = end - 3; j < last; i += 4, j += 4) {
    const differs =
      ((own[j] as number) ^ (bytes[i] as number)) |
      ((own[j + 1] as number) ^ (bytes[i + 1] as number)) |
      ((own[j + 2] as number) ^ (bytes[i + 2] as number)) |
      ((own[j + 3] as number) ^ (bytes[i + 3] as number))
    if (differs !== 0) return -1
  }
  for (; j < end; i++, j++) if (own[j] !== bytes[i]) return -1
  return i - 1
}

/** White space of JSON: RFC 8259 §2. */
function isSpace(byte: number): boolean {
  return byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)
}
