import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../lib/reason.ts'
import { writeStream } from '../lib/text-file.ts'

/** Writes an answer as it comes, to a file or to standard output. @throws Error that says what became of it. */
export async function saveAnswer(answer: Response, out: string | undefined): Promise<void> {
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
}
