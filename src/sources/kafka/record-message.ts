import { createRoute, type Format, type Route } from '../../core/format.ts'
import type { FeedMessage } from '../message-taker.ts'
import { type FetchedRecord, header } from './records.ts'

const noBytes = new Uint8Array(0)
const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Keys remembered with what a format has cached for them. Beyond it all are forgotten, and found again. */
const routeLimit = 65_536

type Formats = (type: string | undefined) => Format | undefined

/** The record in hand, as a message of a feed: one object for all of them. A device that its value does not name is its key. */
export class RecordMessage implements FeedMessage {
  payload: Uint8Array = noBytes
  route: Route | undefined
  format: Format | undefined
  contentType: string | undefined
  /** The names of a record are not its topic's. */
  readonly topic = undefined
  readonly #formats: Formats
  readonly #fixed: Format | undefined
  readonly #byType = new Map<string, Format | undefined>()
  readonly #routes = new Map<string, Map<string, Route>>()
  #routeCount = 0
  #topic = ''
  #partition = 0
  #offset = 0n

  /** `fixed`: a format that configuration names for all records. */
  constructor(formats: Formats, fixed: string | undefined) {
    this.#formats = formats
    this.#fixed = fixed === undefined ? undefined : formats(fixed)
  }

  set(topic: string, partition: number, offset: bigint, record: FetchedRecord): void {
    this.#topic = topic
    this.#partition = partition
    this.#offset = offset
    this.payload = record.value ?? noBytes
    this.route = this.#routeOf(topic, record.key)
    this.contentType = record.headers.length === 0 ? undefined : header(record, 'content-type')
    this.format = this.#fixed ?? this.#formatOf(this.contentType)
  }

  get offset(): string {
    return `${this.#topic}[${this.#partition}]@${this.#offset}`
  }

  get bytes(): number {
    return this.payload.length
  }

  #formatOf(type: string | undefined): Format | undefined {
    const known = type ?? ''
    if (!this.#byType.has(known)) {
      if (this.#byType.size >= 1_000) this.#byType.clear()
      this.#byType.set(known, this.#formats(type))
    }
    return this.#byType.get(known)
  }

  #routeOf(topic: string, key: Buffer | null): Route {
    let routes = this.#routes.get(topic)
    if (routes === undefined) {
      routes = new Map<string, Route>()
      this.#routes.set(topic, routes)
    }
    const known = key?.toString('latin1') ?? ''
    let route = routes.get(known)
    if (route === undefined) {
      if (this.#routeCount++ >= routeLimit) {
        for (const each of this.#routes.values()) each.clear()
        this.#routeCount = 1
      }
      route = createRoute(topic, textOf(key), undefined)
      routes.set(known, route)
    }
    return route
  }
}

/** undefined where the key is none or no text: then the value must name its device. */
function textOf(key: Buffer | null): string | undefined {
  if (key === null || key.length === 0) return undefined
  try {
    return utf8.decode(key)
  } catch {
    return undefined
  }
}
