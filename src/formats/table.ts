import type { Format } from '../core/format.ts'
import type { RecordLimits } from '../core/limits.ts'
import { createJsonFormat } from './json/json-format.ts'

/** The format that a word of the configuration or a content type names; undefined where nobody reads it. */
export type Formats = (type: string | undefined) => Format | undefined

/** Every format there is. They keep caches of one intake, so a table belongs to one. */
export function createFormats(limits: RecordLimits): Formats {
  const json = createJsonFormat(limits)
  const byName: Readonly<Record<string, Format>> = {
    json,
    'application/json': json,
    'text/json': json,
    // They say nothing of what the bytes are.
    'text/plain': json,
    'application/octet-stream': json,
  }
  return (type) => {
    const name = (type ?? '').replace(/;.*$/s, '').trim().toLowerCase()
    if (name === '') return json
    return Object.hasOwn(byName, name) ? byName[name] : undefined
  }
}
