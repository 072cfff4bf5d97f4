import type { Format } from '../core/format.ts'
import type { RecordLimits } from '../core/limits.ts'
import { createJsonFormat } from './json/json-format.ts'

/** Every format there is. They keep caches of one intake, so they belong to one. */
export interface Formats {
  readonly json: Format
  /** That of a word of the configuration or of a content type, JSON where neither says anything; undefined: nobody reads it. */
  readonly named: (type: string | undefined) => Format | undefined
}

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
  return {
    json,
    named(type) {
      const name = (type ?? '').replace(/;.*$/s, '').trim().toLowerCase()
      if (name === '') return json
      return Object.hasOwn(byName, name) ? byName[name] : undefined
    },
  }
}
