/** The browser's clock: milliseconds since 1970 UTC. The only place of the app that asks the time. */
export function now(): number {
  return Date.now()
}
