// hot: bench/mqtt-to-store

/** What the last scan found: module variables, because an object for every message would cost more than the scan. */
export let scannedValue = 0
export let scannedQuality = 0
export let scannedMicros = 0

/** Reads `{"v":<decimal>,"q":"good","ts":<ms>}` and nothing else. The digits of a value fit 2^53, so one division rounds right. */
export function scanF5(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from + 5
  const negative = bytes[at] === minus
  if (negative) at++
  let mantissa = 0
  let scale = 1
  let digit = (bytes[at] as number) - zero
  while (digit >= 0 && digit <= 9) {
    mantissa = mantissa * 10 + digit
    digit = (bytes[++at] as number) - zero
  }
  if (bytes[at] === point) {
    digit = (bytes[++at] as number) - zero
    while (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit
      scale *= 10
      digit = (bytes[++at] as number) - zero
    }
  }
  if (bytes[at] !== comma || bytes[at + 6] !== letterG) return false
  at += 17 // ,"q":"good","ts":
  let millis = 0
  digit = (bytes[at] as number) - zero
  while (digit >= 0 && digit <= 9) {
    millis = millis * 10 + digit
    digit = (bytes[++at] as number) - zero
  }
  if (at !== to - 1) return false
  scannedValue = (negative ? -mantissa : mantissa) / scale
  scannedQuality = 192
  scannedMicros = millis * 1000
  return true
}

const zero = 0x30
const minus = 0x2d
const point = 0x2e
const comma = 0x2c
const letterG = 0x67
