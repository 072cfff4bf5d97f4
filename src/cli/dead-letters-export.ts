import { Client } from './client.ts'
import { letterFilter, type LetterFilterOptions, lettersPath } from './dead-letters-filter.ts'
import { exitCode } from './failure.ts'
import { saveAnswer } from './save-answer.ts'

export interface LetterExportOptions extends LetterFilterOptions {
  readonly url: string
  readonly out?: string
}

/** `sluice dead-letters export`: one letter a line, as JSON. */
export async function exportLetters({ url, out, ...filter }: LetterExportOptions): Promise<number> {
  const query = { ...letterFilter(filter), time: 'rfc3339' }
  const answer = await new Client(url).fetch('GET', `${lettersPath}/export`, query)
  await saveAnswer(answer, out)
  return exitCode.ok
}
