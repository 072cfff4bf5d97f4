import { SluiceError, withoutStack } from '../../core/errors.ts'
import type { RecordRefusal, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import { checkTree } from './check-tree.ts'
import { isRaw, parseRaw } from './json-source.ts'
import { RecordFault } from '../record-fault.ts'
import { takeBareValue, takeMembers } from './take-members.ts'

/** One record of a payload, with everything that judges it. */
export interface RecordContext {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
  /** Place in an array payload, undefined where the payload is no array. */
  readonly index: number | undefined
  readonly route: Route
  readonly intake: Intake
  readonly limits: RecordLimits
}

/**
 * One record through `JSON.parse`. This is what the JSON forms mean; the scanner is a faster way to the same rows.
 * A record is taken whole or refused whole. Returns the rows added.
 */
export function parseRecord(context: RecordContext, refuse: (refusal: RecordRefusal) => void): number {
  const { intake, from, to, index } = context
  const mark = intake.mark()
  try {
    return takeRecord(context)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    intake.rollback(mark)
    const field = error instanceof RecordFault ? error.field : undefined
    refuse({ code: error.code, reason: error.message, field, index: index ?? 0, from, to })
    return 0
  }
}

function takeRecord(context: RecordContext): number {
  const { bytes, from, to, index, limits } = context
  const size = to - from
  if (size > limits.payloadBytes)
    throw new RecordFault(
      'too-large',
      undefined,
      `the record has ${size} bytes, limits.payloadBytes is ${limits.payloadBytes}`,
    )
  const text = decoded(bytes.subarray(from, to))
  let value = parsed(text)
  if (checkTree(value, limits.depth)) value = parseRaw(text)
  if (isObject(value)) return takeMembers(value, context)
  if (index !== undefined)
    throw new RecordFault('undecodable', undefined, 'an element of an array must be an object')
  return takeBareValue(value, context)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(bytes: Uint8Array): string {
  try {
    return withoutStack(() => decoder.decode(bytes))
  } catch {
    throw new RecordFault('undecodable', undefined, 'the bytes are not UTF-8')
  }
}

function parsed(text: string): unknown {
  try {
    return withoutStack(() => JSON.parse(text) as unknown)
  } catch (error) {
    const reason = text === '' ? 'nothing stands here' : `not JSON: ${told(error, text)}`
    throw new RecordFault('undecodable', undefined, reason)
  }
}

/** A value that JSON has no word for; where the engine stops at one it says so in three ways. */
const noNumber = /(?:^|[:,[])\s*[-+]?(?:NaN|Infinity)\b/
const stopsAtOne = /^Unexpected token '[NI]'|^"-?(?:NaN|Infinity)" is not|^No number after minus sign/

/** What the engine says, less the piece of the payload that it quotes, which may hold a token. */
function told(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  if (stopsAtOne.test(message) && noNumber.test(text)) return 'it knows no NaN and no Infinity'
  const token = /^Unexpected token '(.)'/u.exec(message)?.[1]
  if (token !== undefined) return `unexpected ${token}`
  const place = /at position (\d+)/.exec(message)?.[1]
  if (place !== undefined) return `wrong at character ${place}`
  return message.startsWith('"') ? 'it knows no such word' : 'it ends too early'
}
