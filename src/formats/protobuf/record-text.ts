import type { ErrorCode } from '../../core/errors.ts'
import { RecordFault } from '../record-fault.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A text of a record. @throws RecordFault `code` where it is longer than `maxBytes`, is no UTF-8 or holds U+0000. */
export function recordText(
  bytes: Uint8Array,
  from: number,
  to: number,
  field: string,
  maxBytes: number,
  code: ErrorCode,
): string {
  if (to - from > maxBytes)
    throw new RecordFault(code, field, `it has ${to - from} bytes, the limit is ${maxBytes}`)
  let text: string
  try {
    text = decoder.decode(bytes.subarray(from, to))
  } catch {
    throw new RecordFault(code, field, 'it is not UTF-8')
  }
  if (text.includes('\0')) throw new RecordFault(code, field, 'it holds U+0000')
  return text
}
