export const mask = '***'

/** The text without the passwords of addresses that stand in it, with or without a scheme before them: rather too much than too little. */
export function withoutPassword(text: string): string {
  return text.replace(/([^/@:\s"]*:)(?!\/\/)[^@\s"]+@/g, `$1${mask}@`)
}
