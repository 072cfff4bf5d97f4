// hot: bench/decode: 57 ns a topic of 35 bytes among 100
import { ByteTable } from '../core/byte-table.ts'
import { SluiceError } from '../core/errors.ts'
import { createRoute, type Format, type Route, type Router } from '../core/format.ts'
import type { RecordLimits } from '../core/limits.ts'
import { parseTemplate, type TopicTemplate } from './topic-template.ts'

/** Topics that are telemetry unless config says otherwise. */
export const defaultTopics: readonly string[] = [
  'dev/{device...}/{metric}',
  'uns/{device...}/{metric}',
  'devices/telemetry',
  'sensor.{device}.measurements',
  'devices/{device}/telemetry',
]

/** Topics that are telemetry, and what stands in them. */
export interface TopicRule {
  /** A template (see `parseTemplate`). */
  readonly topic: string
  /** undefined: the content type of each message says so, else it is JSON. */
  readonly format: Format | undefined
}

/** How many topics a router remembers before it forgets them all and learns anew, of those that fit and of the others. */
export interface RouterBounds {
  readonly topics: number
  readonly bytes: number
}

const defaultBounds: RouterBounds = { topics: 200_000, bytes: 16 * 1024 * 1024 }

/**
 * The router of topic templates (see `parseTemplate`); the first that fits holds. Topics are remembered by their bytes, so a topic seen
 * before makes no string; a client that invents topics makes the router forget, not grow. What is forgotten is the caches in
 * the routes: series are found again through the intake. A router and its routes belong to one intake.
 *
 * @throws SluiceError `config-invalid`, naming every faulty template.
 */
export function createRouter(
  rules: readonly (string | TopicRule)[],
  limits: Pick<RecordLimits, 'topicBytes'>,
  bounds: RouterBounds = defaultBounds,
): Router {
  const faults: string[] = []
  const parsed: ParsedRule[] = []
  for (const [i, rule] of rules.entries()) {
    const { topic, format } = typeof rule === 'string' ? { topic: rule, format: undefined } : rule
    const template = parseTemplate(topic)
    if (typeof template === 'string') faults.push(`topics[${i}] ${JSON.stringify(topic)}: ${template}`)
    else parsed.push({ template, format })
  }
  if (faults.length > 0) throw new SluiceError('config-invalid', faults.join('; '))
  return new TemplateRouter(parsed, limits.topicBytes, bounds)
}

interface ParsedRule {
  readonly template: TopicTemplate
  readonly format: Format | undefined
}

class TemplateRouter implements Router {
  readonly #rules: readonly ParsedRule[]
  readonly #topicBytes: number
  readonly #routes: TopicMemory<Route>
  readonly #others: TopicMemory<undefined>

  constructor(rules: readonly ParsedRule[], topicBytes: number, bounds: RouterBounds) {
    this.#rules = rules
    this.#topicBytes = topicBytes
    this.#routes = new TopicMemory(bounds)
    this.#others = new TopicMemory(bounds)
  }

  route(bytes: Uint8Array, from: number, to: number): Route | undefined {
    const routes = this.#routes
    const place = routes.table.get(bytes, from, to)
    if (place >= 0) return routes.values[place]
    if (this.#others.table.get(bytes, from, to) >= 0) return undefined
    return this.#learn(bytes, from, to)
  }

  #learn(bytes: Uint8Array, from: number, to: number): Route | undefined {
    const topic = to - from <= this.#topicBytes ? decoded(bytes.subarray(from, to)) : undefined
    if (topic === undefined) return undefined
    for (const { template, format } of this.#rules) {
      const names = template(topic)
      if (names !== undefined)
        return this.#routes.put(bytes, from, to, createRoute(topic, names.device, names.metric, format))
    }
    return this.#others.put(bytes, from, to, undefined)
  }
}

/** Topics by their bytes, with a value each; empties itself when it is full. */
class TopicMemory<T> {
  readonly #bounds: RouterBounds
  #bytes = 0
  table = new ByteTable()
  values: T[] = []

  constructor(bounds: RouterBounds) {
    this.#bounds = bounds
  }

  put(bytes: Uint8Array, from: number, to: number, value: T): T {
    if (this.values.length >= this.#bounds.topics || this.#bytes + to - from > this.#bounds.bytes) {
      this.table = new ByteTable()
      this.values = []
      this.#bytes = 0
    }
    this.table.put(bytes, from, to, this.values.length)
    this.values.push(value)
    this.#bytes += to - from
    return value
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The topic as text; undefined where it is none that MQTT allows. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    const topic = decoder.decode(bytes)
    return topic.includes('\0') ? undefined : topic
  } catch {
    return undefined
  }
}
