import { list, members, number, optionalText, text } from './decode.ts'
import type { Answer } from './readings.ts'

/** A dead letter as the list has it: a record that could not be taken, and why. */
export interface LetterRow {
  readonly id: string
  readonly time: number
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device: string | undefined
  readonly topic: string | undefined
  readonly principal: string | undefined
}

/** A letter whole. */
export interface Letter extends LetterRow {
  /** As they came; tokens are masked. */
  readonly bytes: Uint8Array
}

export function readLetters(value: unknown): Answer<LetterRow> {
  const body = members(value, 'answer')
  return { rows: list(body['letters'], 'letters', readRow), next: optionalText(body['next'], 'next') }
}

export function readLetter(value: unknown): Letter {
  return {
    ...readRow(value, 'letter'),
    bytes: base64(text(members(value, 'letter')['bytes'], 'letter.bytes')),
  }
}

function readRow(value: unknown, path: string): LetterRow {
  const row = members(value, path)
  return {
    id: String(row['id']),
    time: number(row['time'], `${path}.time`),
    code: text(row['code'], `${path}.code`),
    reason: text(row['reason'], `${path}.reason`),
    source: text(row['source'], `${path}.source`),
    device: optionalText(row['device'], `${path}.device`),
    topic: optionalText(row['topic'], `${path}.topic`),
    principal: optionalText(row['principal'], `${path}.principal`),
  }
}

function base64(encoded: string): Uint8Array {
  const binary = atob(encoded)
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
