export const mask = '***'

/** The text without the password of an address that stands in it. */
export function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/@:\s]*:)[^/@\s]+@/g, `$1${mask}@`)
}
