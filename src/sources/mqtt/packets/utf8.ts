/**
 * Whether bytes[from, to) are UTF-8 as MQTT wants it (§1.5.4): well-formed, no surrogates, no U+0000.
 * Written out because `buffer.isUtf8` needs a view per call and lets U+0000 through.
 */
export function isMqttText(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from
  while (at < to) {
    const first = bytes[at++] as number
    if (first < 0x80) {
      if (first === 0) return false
      continue
    }
    let following: number
    let low = 0x80
    let high = 0xbf
    if (first >= 0xc2 && first <= 0xdf) following = 1
    else if (first >= 0xe0 && first <= 0xef) {
      following = 2
      if (first === 0xe0) low = 0xa0
      if (first === 0xed) high = 0x9f
    } else if (first >= 0xf0 && first <= 0xf4) {
      following = 3
      if (first === 0xf0) low = 0x90
      if (first === 0xf4) high = 0x8f
    } else return false
    if (to - at < following) return false
    for (; following > 0; following--) {
      const byte = bytes[at++] as number
      if (byte < low || byte > high) return false
      low = 0x80
      high = 0xbf
    }
  }
  return true
}
