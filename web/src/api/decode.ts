/** The server's answer is not of the form this app knows: most likely one of the two is older than the other. */
export class AnswerFault extends Error {
  constructor(path: string, expected: string) {
    super(`the server's answer is not understood: ${path} is not ${expected}`)
    this.name = 'AnswerFault'
  }
}

/** A JSON object, its members still unknown. */
export type Members = Readonly<Record<string, unknown>>

export function members(value: unknown, path: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AnswerFault(path, 'an object')
  // An object that is no array has members by name.
  return value as Members
}

export function list<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) throw new AnswerFault(path, 'a list')
  return value.map((element: unknown, i) => item(element, `${path}[${i}]`))
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new AnswerFault(path, 'a text')
  return value
}

export function number(value: unknown, path: string): number {
  if (typeof value !== 'number') throw new AnswerFault(path, 'a number')
  return value
}

/** A reading's value. */
export function scalar(value: unknown, path: string): number | string {
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new AnswerFault(path, 'a number or a text')
  return value
}

export function optionalText(value: unknown, path: string): string | undefined {
  return value === undefined || value === null ? undefined : text(value, path)
}

export function optionalNumber(value: unknown, path: string): number | undefined {
  return value === undefined || value === null ? undefined : number(value, path)
}
