import { Client } from './client.ts'
import { letterFilter, type LetterFilterOptions, letterPath, lettersPath } from './dead-letters-filter.ts'
import { exitCode } from './failure.ts'

export interface DiscardOptions extends LetterFilterOptions {
  readonly url: string
}

/** `sluice dead-letters discard`: removes a letter, or those that fit, for good. */
export async function discardLetters(id: string | undefined, options: DiscardOptions): Promise<number> {
  const client = new Client(options.url)
  const response =
    id === undefined
      ? await client.fetch('DELETE', lettersPath, letterFilter(options))
      : await client.fetch('DELETE', letterPath(id, options), {})
  // The server's own answer, of the shape its OpenAPI document gives.
  const { discarded, freedBytes, applied } = (await response.json()) as {
    discarded: number
    freedBytes: number
    applied: boolean
  }
  const later = applied ? '' : '; the store needs longer to remove them, and will'
  const letters = discarded === 1 ? '1 letter' : `${discarded} letters`
  process.stdout.write(`discarded ${letters} of ${freedBytes} bytes${later}\n`)
  return exitCode.ok
}
