/** Talks to a running Sluice over HTTP. Every failure is a sentence for people. */
export class Client {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async get<T>(path: string, query: Record<string, string | undefined>): Promise<T> {
    // The server's own answer, of the shape its OpenAPI document gives.
    return (await (await this.fetch('GET', path, query)).json()) as T
  }

  async fetch(method: string, path: string, query: Record<string, string | undefined>): Promise<Response> {
    const target = new URL(path, this.#url)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, value)
    let answer: Response
    try {
      answer = await fetch(target, { method })
    } catch (error) {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      throw new Error(
        `no Sluice answers at ${this.#url} (${cause}); is it running? Name another with --url`,
        { cause: error },
      )
    }
    if (!answer.ok) throw new Error(await complaint(answer))
    return answer
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

async function complaint(answer: Response): Promise<string> {
  const text = await answer.text()
  try {
    const { error } = JSON.parse(text) as ErrorAnswer // or whatever else speaks HTTP there: every member is optional
    const details = error?.details?.map(({ field, message }) => `\n  ${field}: ${message}`).join('') ?? ''
    if (error?.message !== undefined)
      return `${error.message}${details}${error.hint === undefined ? '' : `\n${error.hint}`}`
  } catch {
    // not JSON: told as it is
  }
  return `${answer.status} ${text.slice(0, 300)}`
}
