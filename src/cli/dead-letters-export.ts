import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../lib/reason.ts'
import { writeStream } from '../lib/text-file.ts'
import { Client } from './client.ts'
import { letterFilter, type LetterFilterOptions, lettersPath } from './dead-letters-filter.ts'
import { exitCode } from './failure.ts'

export interface LetterExportOptions extends LetterFilterOptions {
  readonly url: string
  readonly out?: string
}

/** `sluice dead-letters export`: one letter a line, as JSON. */
export async function exportLetters({ url, out, ...filter }: LetterExportOptions): Promise<number> {
  const query = { ...letterFilter(filter), time: 'rfc3339' }
  const answer = await new Client(url).fetch('GET', `${lettersPath}/export`, query)
  if (answer.body === null) throw new Error('the answer is empty')
  const target = out === undefined ? process.stdout : writeStream(out)
  try {
    await pipeline(Readable.fromWeb(answer.body), target, { end: out !== undefined })
  } catch (error) {
    const isUnopened = error instanceof Error && 'syscall' in error && error.syscall === 'open'
    const what = isUnopened ? 'cannot be written' : 'broke off'
    throw new Error(`the export${out === undefined ? '' : ` to ${out}`} ${what}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (out !== undefined) process.stderr.write(`written to ${out}\n`)
  return exitCode.ok
}
