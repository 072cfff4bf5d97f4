// hot: bench/decode: F5 195 ns a message (5.1 M/s) with topic lookup and columns, JSON.parse code 650 ns
import type { Format, RecordRefusal, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import { elementEnd, skipSpace, trimSpace } from './elements.ts'
import { parseRecord } from './parse-record.ts'
import { scanRecord } from './scan-record.ts'
import { TokenTaker } from './take-tokens.ts'
import { Tokens } from './tokens.ts'

type Refuse = (refusal: RecordRefusal) => void

/**
 * The JSON forms: F1, F3, F5, F6, a generic object, arrays of them, and a bare value (docs/protocols.md). Known forms go through the
 * byte scanner, everything else through `JSON.parse`; `path: 'parse'` sends everything there, for comparison.
 */
export function createJsonFormat(limits: RecordLimits, path: 'scan' | 'parse' = 'scan'): Format {
  return new JsonFormat(limits, path === 'scan')
}

class JsonFormat implements Format {
  readonly name = 'json'
  readonly #limits: RecordLimits
  readonly #scans: boolean
  readonly #tokens = new Tokens()
  readonly #taker: TokenTaker

  constructor(limits: RecordLimits, scans: boolean) {
    this.#limits = limits
    this.#scans = scans
    this.#taker = new TokenTaker(this.#tokens, limits)
  }

  decode(bytes: Uint8Array, from: number, to: number, route: Route, intake: Intake, refuse: Refuse): number {
    const start = skipSpace(bytes, from, to)
    if (start < to && bytes[start] === 0x5b)
      return this.#decodeArray(bytes, from, start, to, route, intake, refuse)
    if (this.#scans && start < to && to - from <= this.#limits.payloadBytes) {
      const rows =
        bytes[start] === 0x7b
          ? this.#scanObject(bytes, start, to, route, intake)
          : this.#taker.takeBare(bytes, start, to, route, intake)
      if (rows > 0) return rows
    }
    return parseRecord({ bytes, from, to, index: undefined, route, intake, limits: this.#limits }, refuse)
  }

  #scanObject(bytes: Uint8Array, start: number, to: number, route: Route, intake: Intake): number {
    const end = scanRecord(bytes, start, to, this.#tokens)
    if (end < 0 || (end !== to && skipSpace(bytes, end, to) !== to)) return 0
    return this.#taker.take(bytes, route, intake)
  }

  /** Each element is judged alone, so an array that is broken in one place loses no more than what stands there. */
  #decodeArray(
    bytes: Uint8Array,
    from: number,
    start: number,
    to: number,
    route: Route,
    intake: Intake,
    refuse: Refuse,
  ): number {
    const limits = this.#limits
    if (to - from > limits.batchBytes) {
      const reason = `the array has ${to - from} bytes, limits.batchBytes is ${limits.batchBytes}`
      refuse({ code: 'too-large', reason, field: undefined, index: 0, from, to })
      return 0
    }
    let rows = 0
    let refused = 0
    const refuseElement = (refusal: RecordRefusal): void => {
      refused++
      refuse(refusal)
    }
    let separator = start
    let at = skipSpace(bytes, start + 1, to)
    if (at < to && bytes[at] === 0x5d) {
      refuseBehind(bytes, at, to, 0, refuse)
      return 0
    }
    for (let index = 0; ; index++) {
      const before = refused
      const taken = this.#scans ? this.#scanElement(bytes, at, to, route, intake) : 0
      let end: number
      if (taken > 0) {
        rows += taken
        end = this.#elementEnd
      } else {
        end = elementEnd(bytes, at, to)
        const trimmed = trimSpace(bytes, at, end)
        if (trimmed > at)
          rows += parseRecord({ bytes, from: at, to: trimmed, index, route, intake, limits }, refuseElement)
        else {
          // Its letter holds at least what stands before the place.
          const reason = end === to ? 'the array ends where an element should stand' : 'nothing stands here'
          refuseElement(refusal(index, separator, end, reason))
        }
      }
      if (end === to) {
        // A refused element has said so already.
        if (refused === before) refuse(refusal(index + 1, to, to, 'the array is not closed'))
        return rows
      }
      if (bytes[end] === 0x5d) {
        refuseBehind(bytes, end, to, index + 1, refuse)
        return rows
      }
      separator = end
      at = skipSpace(bytes, end + 1, to)
      if (refused > maxRefused) {
        refuse(refusal(index + 1, at, to, `more than ${maxRefused} elements are refused, so is the rest`))
        return rows
      }
    }
  }

  /** Place of the `,` or `]` behind the element taken last, or the end of the payload. */
  #elementEnd = 0

  /** Rows of the element at `at`; 0 leaves it to the parser. */
  #scanElement(bytes: Uint8Array, at: number, to: number, route: Route, intake: Intake): number {
    if (at >= to || bytes[at] !== 0x7b) return 0
    let end = scanRecord(bytes, at, to, this.#tokens)
    if (end < 0 || end - at > this.#limits.payloadBytes) return 0
    end = skipSpace(bytes, end, to)
    if (end < to && bytes[end] !== 0x2c && bytes[end] !== 0x5d) return 0
    this.#elementEnd = end
    return this.#taker.take(bytes, route, intake)
  }
}

/** Refusals of one payload: a bound for who sends commas only, since each costs 6 µs and a letter. */
const maxRefused = 10_000

function refuseBehind(bytes: Uint8Array, close: number, to: number, index: number, refuse: Refuse): void {
  const at = skipSpace(bytes, close + 1, to)
  if (at < to) refuse(refusal(index, at, to, 'something stands behind the array'))
}

function refusal(index: number, from: number, to: number, reason: string): RecordRefusal {
  return { code: 'undecodable', reason, field: undefined, index, from, to }
}
