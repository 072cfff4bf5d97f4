import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import type { DocumentRow } from '../../core/store.ts'
import { type LetterBody, letterBody } from './letter-filter.ts'
import type { TimeText } from './query-time.ts'
import { shownTime } from './shown-answers.ts'

/** A letter as JSON. */
export function letterText(
  { seq, time }: DocumentRow,
  { key: _, bytes, ...letter }: LetterBody,
  timeText: TimeText,
  withBytes: boolean,
): string {
  const content = withBytes ? { bytes, text: textOf(bytes) } : {}
  const rest = JSON.stringify({ ...letter, ...content })
  return `{"id":"${seq}","time":${timeText(time)},${rest.slice(1)}`
}

/** The original bytes where they are UTF-8. */
function textOf(bytes: string): string | undefined {
  const original = Buffer.from(bytes, 'base64')
  return isUtf8(original) ? original.toString() : undefined
}

export const shownLetter = letterBody.omit({ key: true }).extend({
  id: z.string().describe('The number that the log gave it.'),
  time: shownTime,
  bytes: z.string().describe('The original bytes in base64; tokens are masked.'),
  text: z.string().optional().describe('The original bytes where they are UTF-8.'),
})
