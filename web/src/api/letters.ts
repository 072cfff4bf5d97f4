import { list, members, number, optionalText, text } from './decode.ts'
import type { Answer } from './readings.ts'

/** A dead letter: a record that could not be taken, with its reason and original bytes. */
export interface Letter {
  readonly id: string
  readonly time: number
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device: string | undefined
  readonly topic: string | undefined
  readonly principal: string | undefined
  readonly bytes: Uint8Array
}

export function readLetters(value: unknown): Answer<Letter> {
  const body = members(value, 'answer')
  const rows = list(body['letters'], 'letters', (item, path) => {
    const row = members(item, path)
    return {
      id: String(row['id']),
      time: number(row['time'], `${path}.time`),
      code: text(row['code'], `${path}.code`),
      reason: text(row['reason'], `${path}.reason`),
      source: text(row['source'], `${path}.source`),
      device: optionalText(row['device'], `${path}.device`),
      topic: optionalText(row['topic'], `${path}.topic`),
      principal: optionalText(row['principal'], `${path}.principal`),
      bytes: base64(optionalText(row['bytes'], `${path}.bytes`) ?? ''),
    }
  })
  return { rows, next: optionalText(body['next'], 'next') }
}

function base64(encoded: string): Uint8Array {
  const binary = atob(encoded)
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
