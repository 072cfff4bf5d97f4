import { reasonOf } from '../lib/reason.ts'
import { wait } from '../lib/wait.ts'
import { badRecord, isFollowedByBad } from './bad-record.ts'
import type { LedgerPage } from './ledger.ts'
import type { Pace } from './pace.ts'
import { deviceName, type Plan, plannedRecord } from './plan.ts'
import type { Sender } from './sender.ts'

export interface HttpClientOptions {
  /** Of the server: `http://host:port`. */
  readonly url: string
  readonly plan: Plan
  readonly page: LedgerPage
  /** Where it writes down its bad records; it sends none where there is no such page. */
  readonly badPage?: LedgerPage | undefined
  readonly pace?: Pace | undefined
  /** Records in a request at most. */
  readonly batch: number
  readonly answerTimeoutMs: number
}

interface Item {
  readonly page: LedgerPage
  readonly sequence: number
}

/** The part of an answer that is looked at. */
interface Answer {
  readonly accepted?: number
  readonly refusals?: readonly { readonly line?: number; readonly field?: string; readonly reason?: string }[]
  readonly error?: { readonly message?: string }
}

/**
 * One verifying device that posts batches of lines, one request after the other. A request without an answer, or one that is told to come
 * later, goes again as it was until it has one: its records have times of their own, so that a store which has them already stays as it is.
 */
export class HttpClient implements Sender {
  readonly #options: HttpClientOptions
  #state: 'sending' | 'finishing' | 'closed' = 'sending'
  /** The request that has no answer yet. */
  #items: readonly Item[] = []
  #next: number
  #owesBad = false
  #resumed: PromiseWithResolvers<void> | undefined
  readonly #closed = new AbortController()
  readonly #finished = Promise.withResolvers<void>()
  hasSocket = false
  readonly openRows = 0
  acked = 0
  refused = 0
  connections = 0
  readonly violations: string[] = []

  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#next = options.page.length
    if (options.badPage !== undefined) options.badPage.isAnswered = true
  }

  start(): void {
    this.#run().then(this.#finished.resolve, this.#finished.reject)
  }

  pump(): void {} // it looks itself

  get inFlight(): number {
    return this.#items.length
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers()
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  finish(): Promise<void> {
    if (this.#state === 'sending') this.#state = 'finishing'
    return this.#finished.promise
  }

  close(): void {
    this.#state = 'closed'
    this.#closed.abort()
    this.resume()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed
    let retryMs = firstRetryMs
    while (!signal.aborted) {
      await this.#resumed?.promise
      if (this.#items.length === 0) {
        if (this.#state !== 'sending') return
        this.#items = this.#gather()
        if (this.#items.length === 0) await wait(paceMs, signal)
        continue
      }
      const laterMs = await this.#post()
      if (laterMs === undefined) retryMs = firstRetryMs
      else {
        await wait(Math.max(laterMs, retryMs), signal)
        retryMs = Math.min(retryMs * 2, maxRetryMs)
      }
    }
  }

  #gather(): Item[] {
    const { page, badPage, batch, pace } = this.#options
    const items: Item[] = []
    let bad = badPage?.length ?? 0
    while (items.length < batch && pace?.take() !== false) {
      const isBad = this.#owesBad && badPage !== undefined
      const item = isBad ? { page: badPage, sequence: bad++ } : { page, sequence: this.#next++ }
      this.#owesBad = !isBad && isFollowedByBad(item.sequence)
      items.push(item)
    }
    return items
  }

  /** One attempt; returns undefined when the request is answered for good, else after how many ms it may be tried again. */
  async #post(): Promise<number | undefined> {
    const { url, answerTimeoutMs } = this.#options
    for (const { page, sequence } of this.#items) page.sent(sequence)
    this.hasSocket = true
    try {
      const response = await fetch(new URL('/api/v1/readings', url), {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: this.#items.map((item) => this.#line(item)).join('\n'),
        signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(answerTimeoutMs)]),
      })
      const text = await response.text()
      this.connections++
      if (response.status === 503 || response.status === 429)
        return 1000 * Number(response.headers.get('retry-after') ?? 0)
      this.#take(response.status, text)
      return undefined
    } catch (error) {
      // A connection that broke says nothing of its records; anything else is a defect here.
      if (error instanceof TypeError || error instanceof DOMException) return 0
      throw error
    } finally {
      this.hasSocket = false
    }
  }

  #take(status: number, text: string): void {
    const items = this.#items
    this.#items = []
    const answer = status === 202 || status === 400 ? answerOf(text) : undefined
    if (answer === undefined) {
      this.#violate(`${status} ${text.slice(0, 200)}`)
      for (const item of items) this.#refused(item)
      return
    }
    const refused = new Map((answer.refusals ?? []).map((refusal) => [(refusal.line ?? 0) - 1, refusal]))
    for (const [i, item] of items.entries()) {
      const refusal = refused.get(i)
      const isGood = item.page === this.#options.page
      if (refusal === undefined) {
        item.page.acked(item.sequence)
        if (isGood) this.acked++
        else this.#violate(`bad record ${item.sequence} was not refused`)
        continue
      }
      if (isGood)
        this.#violate(`record ${item.sequence} was refused: ${refusal.field ?? ''} ${refusal.reason ?? ''}`)
      this.#refused(item)
    }
    const accepted = items.length - refused.size
    if (answer.accepted !== accepted)
      this.#violate(
        `${accepted} of ${items.length} records were not refused, ${answer.accepted} were accepted`,
      )
  }

  #refused({ page, sequence }: Item): void {
    page.refused(sequence)
    if (page === this.#options.page) this.refused++
  }

  #line({ page, sequence }: Item): string {
    const { plan } = this.#options
    const place = { device: page.device, epoch: page.epoch, sequence }
    if (page !== this.#options.page) return badRecord(plan, place)
    const { device, metric, time, value } = plannedRecord(plan, place)
    return `{"device":${JSON.stringify(device)},"ts":${time / 1000},"${metric}":${value}}`
  }

  #violate(what: string): void {
    const { plan, page } = this.#options
    if (this.violations.length < 10) this.violations.push(`${deviceName(plan, page.device)}: HTTP ${what}`)
  }
}

const firstRetryMs = 20
const maxRetryMs = 500
/** How often somebody who is held back looks whether he may go on. */
const paceMs = 10

function answerOf(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer // every member is looked at with care
  } catch (error) {
    return { error: { message: reasonOf(error) } }
  }
}
