/** What of the dead letters is shown, as the address keeps it. */
export interface LetterSearch {
  readonly code?: string
  readonly source?: string
  readonly device?: string
  readonly since?: Since
}

export const sinces = ['1h', '24h', '7d'] as const
export type Since = (typeof sinces)[number]

export function readLetterSearch(search: Record<string, unknown>): LetterSearch {
  const since = sinces.find((name) => name === search['since'])
  return {
    ...pick('code', search),
    ...pick('source', search),
    ...pick('device', search),
    ...(since === undefined ? {} : { since }),
  }
}

function pick<N extends string>(name: N, search: Record<string, unknown>): Partial<Record<N, string>> {
  const value = search[name]
  if (typeof value === 'number') return one(name, String(value))
  return typeof value === 'string' && value !== '' ? one(name, value) : {}
}

function one<N extends string>(name: N, value: string): Partial<Record<N, string>> {
  // A record of one literal name is what a computed key makes.
  return { [name]: value } as Partial<Record<N, string>>
}
