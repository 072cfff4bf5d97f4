import { errorTable } from '../../../src/core/errors.ts'
import { type Members, members, optionalText } from './decode.ts'

/** The server answered, and said no: its one error shape. */
export class ApiFault extends Error {
  readonly code: string
  readonly hint: string
  readonly requestId: string | undefined
  readonly details: readonly { readonly field: string; readonly message: string }[]

  constructor(status: number, body: unknown) {
    const error = errorOf(body)
    super(optionalText(error['message'], 'error.message') ?? `the server answered ${status}`)
    this.name = 'ApiFault'
    this.code = optionalText(error['code'], 'error.code') ?? `http-${status}`
    this.hint = optionalText(error['hint'], 'error.hint') ?? ''
    this.requestId = optionalText(error['requestId'], 'error.requestId')
    this.details = Array.isArray(error['details'])
      ? error['details'].map((detail: unknown) => {
          const row = members(detail, 'detail')
          return { field: String(row['field']), message: String(row['message']) }
        })
      : []
  }
}

/** Whether the same question may be answered a moment later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiFault)) return true
  const rows: Readonly<Record<string, { readonly retry: boolean }>> = errorTable
  return rows[error.code]?.retry ?? false
}

/** The server could not be reached at all. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('the server cannot be reached', { cause })
    this.name = 'Unreachable'
  }
}

export type Parameters = Readonly<Record<string, string | number | undefined>>

/** `path?name=value…`; undefined and empty values are left out. */
export function address(path: string, parameters: Parameters): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== '') query.set(name, String(value))
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

/** GET as JSON, decoded. @throws ApiFault, Unreachable, AnswerFault. */
export function get<T>(
  path: string,
  parameters: Parameters,
  read: (value: unknown) => T,
  signal: AbortSignal,
): Promise<T> {
  return ask(address(path, parameters), { signal, headers: { accept: 'application/json' } }, read)
}

/** What changes something: its answer as JSON, decoded. @throws ApiFault, Unreachable, AnswerFault. */
export function send<T>(
  method: 'POST' | 'DELETE',
  path: string,
  parameters: Parameters,
  read: (value: unknown) => T,
  body?: object,
): Promise<T> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  return ask(address(path, parameters), { method, ...sent }, read)
}

async function ask<T>(url: string, init: RequestInit, read: (value: unknown) => T): Promise<T> {
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new Unreachable(error)
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new ApiFault(response.status, body)
  return read(body)
}

function errorOf(body: unknown): Members {
  if (typeof body !== 'object' || body === null || !('error' in body)) return {}
  return members(body.error, 'error')
}
