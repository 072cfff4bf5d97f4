import { asciiText } from './ascii-text.ts'
import { kind, type Tokens } from './tokens.ts'

/**
 * The scanned members in the set `names` as JSON text of an object, as `JSON.stringify` would write them; undefined where that is not
 * simply what stands in the payload.
 */
export function extraText(bytes: Uint8Array, tokens: Tokens, names: number): string | undefined {
  const { count, codes, kinds, nameFrom, nameTo, from, to } = tokens
  let text = ''
  for (let slot = 0; slot < count; slot++) {
    if ((names & (1 << (codes[slot] as number))) === 0) continue
    const nameEnd = nameTo[slot] as number
    let valueFrom = from[slot] as number
    let valueTo = to[slot] as number
    if (kinds[slot] === kind.text) {
      valueFrom--
      valueTo++
    } else if (kinds[slot] !== kind.number || !isPlainInteger(bytes, valueFrom, valueTo)) return undefined
    if (valueFrom !== nameEnd + 2) return undefined // white space around the colon
    const member = asciiText(bytes, (nameFrom[slot] as number) - 1, valueTo)
    text = text === '' ? member : `${text},${member}`
  }
  return `{${text}}`
}

/** Whether a scanned number is its own shortest text. */
function isPlainInteger(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] as number) - 0x30
    if (digit < 0 || digit > 9) return false
  }
  return true
}
