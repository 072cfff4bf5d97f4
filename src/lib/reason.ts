/**
 * Why something could not be reached or done, as the system says it. `fetch` hides it in `cause`; a name with several addresses fails
 * with an error for each, and a message for none.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(reasonOf))].join(', ')
  return error.message
}
