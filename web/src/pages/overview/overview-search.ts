/** Which devices the overview shows, as its address keeps it. */
export interface OverviewSearch {
  /** Part of their names. */
  readonly q?: string
}

export function readOverviewSearch({ q }: Record<string, unknown>): OverviewSearch {
  if (typeof q === 'number') return { q: String(q) }
  return typeof q === 'string' && q !== '' ? { q } : {}
}
