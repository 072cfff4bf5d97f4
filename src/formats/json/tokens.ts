// hot: bench/decode
import { NameTable } from './name-table.ts'

/** Kinds of a scanned value. */
export const kind = {
  /** `numbers` holds it. */
  number: 0,
  /** `numbers` holds 1 or 0. */
  boolean: 1,
  /** ASCII without escapes between the quotes at `from - 1` and `to`. */
  text: 2,
  /** As `text`, with bytes beyond ASCII that nobody has checked to be UTF-8. */
  wideText: 3,
  /** An integer of more digits than a double has; `numbers` holds all but its last three, exactly, cut off. */
  longInteger: 4,
} as const

/** A record with more members than this is left to the parser. */
export const maxMembers = 128

/** The members of one record as the scanner found them: places in the payload, no objects. One record at a time. */
export class Tokens {
  count = 0
  /** Set of the known members: bits 1 << code. No known member stands twice. */
  known = 0
  hasUnknown = false
  /** Names without their quotes: bytes[nameFrom, nameTo). */
  readonly nameFrom = new Int32Array(maxMembers)
  readonly nameTo = new Int32Array(maxMembers)
  /** Number of the name in the table, `unlisted` if it has none. */
  readonly names = new Int16Array(maxMembers)
  readonly table = new NameTable()
  /** Code of the name, or `unknown`. */
  readonly codes = new Int8Array(maxMembers)
  readonly kinds = new Uint8Array(maxMembers)
  /** Values: bytes[from, to), of texts without their quotes. */
  readonly from = new Int32Array(maxMembers)
  readonly to = new Int32Array(maxMembers)
  readonly numbers = new Float64Array(maxMembers)
  /** Place of a known member among the others, by its code; of this record only where `known` has its bit. */
  readonly slots = new Uint8Array(32)
}
