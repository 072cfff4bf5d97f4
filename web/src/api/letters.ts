import { list, members, number, optionalText, text } from './decode.ts'
import type { LetterFilter } from './queries.ts'
import type { Answer } from './readings.ts'
import { send } from './request.ts'

/** A dead letter as the list has it: a record that could not be taken, and why. */
export interface LetterRow {
  readonly id: string
  readonly time: number
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device: string | undefined
  readonly topic: string | undefined
  readonly offset: string | undefined
  readonly format: string | undefined
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
    offset: optionalText(row['offset'], `${path}.offset`),
    format: optionalText(row['format'], `${path}.format`),
    principal: optionalText(row['principal'], `${path}.principal`),
  }
}

const path = '/api/v1/dead-letters'

/** Reads a letter again, with `text` instead of its bytes. Returns the rows that it has become. */
export function replayLetter(id: string, text: string | undefined): Promise<number> {
  const read = (value: unknown) => number(members(value, 'answer')['rows'], 'rows')
  return send('POST', `${path}/${id}/replay`, {}, read, text === undefined ? undefined : { text })
}

export function discardLetter(id: string): Promise<number> {
  return send('DELETE', `${path}/${id}`, {}, readDiscarded)
}

/** Of those that fit, and that are there by now. Returns how many they were. */
export function discardLetters(filter: LetterFilter): Promise<number> {
  return send('DELETE', path, { ...filter, to: 'now' }, readDiscarded)
}

function readDiscarded(value: unknown): number {
  return number(members(value, 'answer')['discarded'], 'discarded')
}

export interface Replayed {
  readonly replayed: number
  readonly failed: number
  /** Why the first of those failed that did. */
  readonly reason: string | undefined
}

/** Reads all that fit again, some in a request; `onProgress` hears how it stands. */
export async function replayLetters(
  filter: LetterFilter,
  onProgress: (soFar: Replayed) => void,
): Promise<Replayed> {
  let soFar: Replayed = { replayed: 0, failed: 0, reason: undefined }
  let cursor: string | undefined
  do {
    const part = await send(
      'POST',
      `${path}/replay`,
      { ...filter, to: 'now', limit: 500, cursor },
      readReplayed,
    )
    soFar = {
      replayed: soFar.replayed + part.replayed,
      failed: soFar.failed + part.failed,
      reason: soFar.reason ?? part.reason,
    }
    cursor = part.next
    onProgress(soFar)
  } while (cursor !== undefined)
  return soFar
}

function readReplayed(value: unknown): Replayed & { readonly next: string | undefined } {
  const body = members(value, 'answer')
  const reasons = list(body['failures'], 'failures', (failure, at) =>
    text(members(failure, at)['reason'], `${at}.reason`),
  )
  return {
    replayed: number(body['replayed'], 'replayed'),
    failed: number(body['failed'], 'failed'),
    reason: reasons[0],
    next: optionalText(body['next'], 'next'),
  }
}

function base64(encoded: string): Uint8Array {
  const binary = atob(encoded)
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
