/** The row that a sink's dead letter is of: what its key says. While a letter stands, another of its key is the same one put twice. */
export interface LetterKey {
  readonly log: string
  readonly number: bigint
}

export function encodeLetterKey(sink: string, { log, number }: LetterKey): string {
  return `${sink}/${log}/${number}`
}

/** Undefined for a key of another form: the letter is no sink's. */
export function readLetterKey(key: string, sink: string): LetterKey | undefined {
  const [name, log, number, ...rest] = key.split('/')
  if (name !== sink || log === undefined || rest.length > 0) return undefined
  return number !== undefined && /^\d{1,18}$/.test(number) ? { log, number: BigInt(number) } : undefined
}

/** A quote within a text has a backslash before it: in no other letter's body this stands. */
const mark = new TextEncoder().encode(',"key":"')

/** A sink's letter in the stream `dead-letters`; the document has the same key. */
export interface KeyedLetter extends LetterKey {
  readonly key: string
  readonly sink: string
}

/** The key of a sink's letter by the letter's body; undefined for the letters of doors, which are not even read. */
export function readKeyedLetter(body: Uint8Array): KeyedLetter | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!bytes.includes(mark)) return undefined
  const { key, source } = membersOf(bytes.toString())
  if (typeof key !== 'string' || typeof source !== 'string') return undefined
  const read = readLetterKey(key, source)
  return read && { key, sink: source, ...read }
}

function membersOf(text: string): { readonly key?: unknown; readonly source?: unknown } {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {} // a document that somebody else has put into the stream
  }
}
