/** How the original bytes of a dead letter are shown. */
export type BytesForm = 'text' | 'hex'

export interface HexLine {
  readonly offset: string
  readonly hex: string
  readonly text: string
}

/** Lines of 16 bytes, as every hex viewer shows them. */
export function hexLines(bytes: Uint8Array, perLine = 16): HexLine[] {
  const lines: HexLine[] = []
  for (let at = 0; at < bytes.length; at += perLine) {
    const part = [...bytes.subarray(at, at + perLine)]
    lines.push({
      offset: at.toString(16).padStart(6, '0'),
      hex: part.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
      text: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join(''),
    })
  }
  return lines
}

/** The bytes as text, or undefined where they are not UTF-8 or hold control characters that a screen cannot show. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return hasControls(text) ? undefined : text
  } catch {
    return undefined
  }
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return true
  }
  return false
}
