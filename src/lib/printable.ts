/**
 * What a terminal obeys instead of showing it: control characters (C0, DEL, C1), the line ends of Unicode, and the marks that turn the
 * direction of what follows.
 */
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** A text from elsewhere, for a terminal: such characters as `\u001b`. JSON stays the same JSON. */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
