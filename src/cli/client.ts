import { reasonOf } from '../lib/reason.ts'
import { usage } from './failure.ts'

/** Talks to a running Sluice over HTTP. Every failure is a sentence for people. */
export class Client {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async get<T>(path: string, query: Record<string, string | undefined>, signal?: AbortSignal): Promise<T> {
    // The server's own answer, of the shape its OpenAPI document gives.
    return (await (await this.fetch('GET', path, query, signal)).json()) as T
  }

  /** Sends a body as JSON. */
  async post<T>(path: string, body: object): Promise<T> {
    // As of `get`.
    return (await (await this.fetch('POST', path, {}, undefined, body)).json()) as T
  }

  async fetch(
    method: string,
    path: string,
    query: Record<string, string | undefined>,
    signal?: AbortSignal,
    body?: object,
  ): Promise<Response> {
    const target = new URL(path, this.#url)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, value)
    let answer: Response
    try {
      const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      answer = await fetch(target, { method, signal: signal ?? null, ...sent })
    } catch (error) {
      throw this.unreachable(error)
    }
    if (!answer.ok) throw await complaint(answer)
    return answer
  }

  /** Where the server is, for its other doors. */
  get host(): string {
    return new URL(this.#url).hostname
  }

  /** Nobody there, or nobody who speaks HTTP. */
  unreachable(error: unknown): Error {
    return new Error(
      `no Sluice answers at ${this.#url} (${reasonOf(error)}); is it running? Name another with --url`,
      { cause: error },
    )
  }

  /** The same address for a WebSocket. */
  socketUrl(path: string): URL {
    const target = new URL(path, this.#url)
    target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:'
    return target
  }
}

interface ErrorAnswer {
  readonly error?: {
    readonly message?: string
    readonly hint?: string
    readonly details?: readonly { field: string; message: string }[]
  }
}

/** What the server said, each parameter that is wrong on a line of its own. */
async function complaint(answer: Response): Promise<Error> {
  const text = await answer.text()
  const { message, hint, details = [] } = errorOf(text)
  if (message === undefined)
    return new Error(`the answer is ${answer.status} ${text.slice(0, 300)}; is it a Sluice that answers?`)
  if (answer.status !== 400) return new Error(hint === undefined ? message : `${message}\n${hint}`)
  const lines = details.map(({ field, message: fault }) => `${field}: ${fault}`)
  if (lines.length === 0) return usage(message)
  return usage(
    lines.length === 1 ? lines.join() : `${lines.length} parameters are wrong:\n  ${lines.join('\n  ')}`,
  )
}

function errorOf(text: string): NonNullable<ErrorAnswer['error']> {
  try {
    return (JSON.parse(text) as ErrorAnswer).error ?? {} // or whatever else speaks HTTP there: every member is optional
  } catch {
    return {} // not JSON: told as it is
  }
}
