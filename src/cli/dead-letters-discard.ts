import { Client } from './client.ts'
import { exitCode } from './failure.ts'

export interface DiscardOptions {
  readonly url: string
  readonly device?: string
  readonly source?: string
  readonly code?: string
  readonly from?: string
  readonly to?: string
}

/** `sluice dead-letters discard`: removes the letters that fit, for good. */
export async function discardLetters({
  url,
  device,
  source,
  code,
  from,
  to,
}: DiscardOptions): Promise<number> {
  const query = { device, source, code, from, to }
  const response = await new Client(url).fetch('DELETE', '/api/v1/dead-letters', query)
  // The server's own answer, of the shape its OpenAPI document gives.
  const { discarded, freedBytes, applied } = (await response.json()) as {
    discarded: number
    freedBytes: number
    applied: boolean
  }
  const later = applied ? '' : '; the store needs longer to remove them, and will'
  process.stdout.write(`discarded ${discarded} letters of ${freedBytes} bytes${later}\n`)
  return exitCode.ok
}
