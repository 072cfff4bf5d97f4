// hot: bench/http-to-store
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Durable } from '../../core/durable.ts'
import { type ErrorCode, errorTable, SluiceError } from '../../core/errors.ts'
import { createRoute, type Format, type Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import { encodeCursor } from '../../core/position.ts'
import { wait } from '../../lib/wait.ts'
import { BadRequest, errorBody, refuse, told } from '../error-answer.ts'
import { ByteBudget } from './byte-budget.ts'
import { decodeLines, decodeWhole, type Outcome } from './decode-body.ts'
import { announcedBytes, bodyTooLarge, type Packing, readBody, unpack } from './request-body.ts'
import { shownIngest } from './shown-ingest.ts'

export interface IngestParts {
  readonly intake: Intake
  /** JSON. */
  readonly format: Format
  /** That of a content type of protobuf; undefined for any other. */
  readonly protobufOf: (contentType: string) => Format | undefined
  readonly limits: RecordLimits
  /** Bytes of bodies, as they came and unpacked, held at once; at least three times `limits.batchBytes`. */
  readonly maxHeldBytes: number
}

/** What the door has done since it started, for /metrics and /status. */
export interface IngestCounters {
  /** Requests of which something was taken, or that had nothing to refuse. */
  accepted: number
  /** Requests of which every record was refused, or that were no readings at all: empty, too large, of another type. */
  refused: number
  /** Requests that were not looked at, and may be sent again: no room, a full disk, cut off half-way. */
  turnedAway: number
}

/** `POST /api/v1/readings`: acknowledged with 202 only after the commit that holds its readings is on disk. */
export function addIngest(server: FastifyInstance, parts: IngestParts): IngestCounters {
  const door = new IngestDoor(parts)
  server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    // The body is read by the door itself: bytes, not values, and only while there is room.
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    const config = { access: 'publish', shown: shownIngest } as const
    scope.post('/api/v1/readings', { config }, (request, reply) => door.take(request, reply))
    done()
  })
  return door.counters
}

/** What a body is. */
interface Content {
  readonly format: Format
  /** Each line of it is a payload. */
  readonly isLines: boolean
}

/** Milliseconds to wait for room before a sender is told to come again. */
const patienceMs = 1_000
/** Routes kept for `?device=`: each remembers the series of its device. */
const maxRoutes = 1_000

class IngestDoor {
  readonly counters: IngestCounters = { accepted: 0, refused: 0, turnedAway: 0 }
  readonly #intake: Intake
  readonly #format: Format
  readonly #protobufOf: IngestParts['protobufOf']
  readonly #limits: RecordLimits
  readonly #budget: ByteBudget
  readonly #nameless = createRoute('', undefined, undefined)
  readonly #routes = new Map<string, Route>()
  #cursor = { durable: undefined as Durable | undefined, text: '' }

  constructor({ intake, format, protobufOf, limits, maxHeldBytes }: IngestParts) {
    this.#intake = intake
    this.#format = format
    this.#protobufOf = protobufOf
    this.#limits = limits
    this.#budget = new ByteBudget(maxHeldBytes)
  }

  async take(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    let outcome: Outcome
    try {
      outcome = await this.#receive(request)
    } catch (error) {
      this.#countRefusal(told(error).code, request)
      throw error
    }
    if (outcome.accepted === 0 && outcome.refused > 0) return answerRefusal(reply, request.id, outcome, '')
    let durable: Durable
    try {
      durable = await this.#intake.durable()
    } catch (error) {
      // As in the books, where the failed commit has turned what it had accepted into refused.
      this.counters.accepted--
      this.counters.refused++
      throw error
    }
    return this.#acknowledge(reply, request.id, outcome, durable)
  }

  /** Reads and decodes a body. @throws what keeps it from being looked at; then it is not counted. */
  async #receive(request: FastifyRequest): Promise<Outcome> {
    const content = this.#content(request.headers['content-type'])
    const packing = packingOf(request.headers['content-encoding'])
    const route = this.#route(deviceOf(request.query))
    const maxBytes = this.#limits.batchBytes
    const length = announcedBytes(request.raw) ?? maxBytes
    if (length > maxBytes) throw bodyTooLarge(maxBytes)
    await this.#room()
    const held = packing === undefined ? length : length + maxBytes
    const isReserved = this.#budget.reserve(held, patienceMs)
    if (isReserved !== true && !(await isReserved))
      throw new SluiceError('busy', 'too many bodies are being received at once')
    try {
      let body = await readBody(request.raw, maxBytes)
      if (packing !== undefined) body = await unpack(body, packing, maxBytes)
      return this.#decode(body, content, route)
    } finally {
      this.#budget.release(held)
    }
  }

  /**
   * A message that is refused before its records are known counts as one, with one record: as at the other doors. Where nothing can be
   * taken now, or the sender has gone half-way, it still has the message: that is none.
   */
  #countRefusal(code: ErrorCode, request: FastifyRequest): void {
    if (errorTable[code].http === 503 || request.raw.readableAborted) {
      this.counters.turnedAway++
      return
    }
    this.#intake.countRefusedRows(1)
    this.#count('refused')
  }

  /** Decodes and counts, in one turn: nothing else comes between a record and its place in the books. */
  #decode(body: Uint8Array, { format, isLines }: Content, route: Route): Outcome {
    const intake = this.#intake
    if (body.length === 0) throw new SluiceError('undecodable', 'the body is empty')
    intake.tick()
    const mark = intake.mark()
    let outcome: Outcome
    try {
      outcome = (isLines ? decodeLines : decodeWhole)(body, route, format, intake)
    } catch (error) {
      intake.rollback(mark)
      throw error
    }
    if (outcome.refused > 0) intake.countRefusedRows(outcome.refused)
    this.#count(outcome.accepted === 0 && outcome.refused > 0 ? 'refused' : 'accepted')
    return outcome
  }

  #count(outcome: 'accepted' | 'refused'): void {
    this.counters[outcome]++
    this.#intake.countMessage(outcome)
    // Nobody waits for a commit that only counts a refusal; the books are written all the same.
    if (outcome === 'refused') this.#intake.durable().catch(() => {})
  }

  /** What stands in the body is safe: only a `Durable` can say so. */
  #acknowledge(reply: FastifyReply, requestId: string, outcome: Outcome, durable: Durable): FastifyReply {
    if (this.#cursor.durable !== durable) this.#cursor = { durable, text: encodeCursor([durable.position]) }
    const cursor = this.#cursor.text
    if (outcome.refused > 0) return answerRefusal(reply, requestId, outcome, cursor)
    return reply
      .code(202)
      .header('content-type', 'application/json; charset=utf-8')
      .send(`{"accepted":${outcome.accepted},"refused":0,"cursor":"${cursor}"}`)
  }

  /** Waits a moment for room. @throws SluiceError what keeps the intake from taking anything. */
  async #room(): Promise<void> {
    const code = this.#intake.refusal()
    if (code !== undefined) throw new SluiceError(code, 'nothing can be taken now')
    const room = this.#intake.room()
    if (room === undefined) return
    const impatience = new AbortController()
    const hasRoom = await Promise.race([
      room.then(() => true),
      wait(patienceMs, impatience.signal).then(() => false),
    ])
    impatience.abort()
    if (!hasRoom) throw new SluiceError('busy', 'more is coming in than can be written')
  }

  /** @throws SluiceError `unsupported-media`. */
  #content(header: string | undefined): Content {
    const format = this.#format
    if (header === 'application/json') return { format, isLines: false }
    const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim().toLowerCase())
    if (type === 'application/json' || type === 'application/x-ndjson') {
      if (parameters.some((one) => one.startsWith('charset=') && !/^charset="?utf-8"?$/.test(one)))
        throw new SluiceError('unsupported-media', 'readings come in UTF-8')
      return { format, isLines: type === 'application/x-ndjson' }
    }
    const protobuf = this.#protobufOf(header ?? '')
    if (protobuf !== undefined) return { format: protobuf, isLines: false }
    throw new SluiceError(
      'unsupported-media',
      `content type ${JSON.stringify(header ?? '')} is not taken; application/json, application/x-ndjson and application/x-protobuf are`,
    )
  }

  #route(device: string | undefined): Route {
    if (device === undefined) return this.#nameless
    let route = this.#routes.get(device)
    if (route === undefined) {
      if (this.#routes.size >= maxRoutes) this.#routes.clear()
      route = createRoute('', device, undefined)
      this.#routes.set(device, route)
    }
    return route
  }
}

/** The good records are kept; the answer says which were not, and why. */
function answerRefusal(
  reply: FastifyReply,
  requestId: string,
  { accepted, refused, refusals, code }: Outcome,
  cursor: string,
): FastifyReply {
  const [first] = refusals
  const reason = first === undefined ? '' : `${place(first)}${first.reason}`
  const message = `${refused} of the records ${refused === 1 ? 'is' : 'are'} refused: ${reason}`
  const error = errorBody(code ?? 'bad-request', message, requestId)
  // Where nothing was taken and all for one reason, the status is that reason's.
  const status: ErrorCode = accepted === 0 && code !== undefined ? code : 'bad-request'
  void refuse(reply, status).code(errorTable[status].http)
  return reply.send(
    JSON.stringify({ accepted, refused, ...(cursor === '' ? {} : { cursor }), refusals, ...error }),
  )
}

function place({ line, index }: { readonly line?: number; readonly index?: number }): string {
  return line === undefined ? `record ${index ?? 0}: ` : `line ${line}: `
}

function packingOf(header: string | undefined): Packing | undefined {
  switch (header?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'zstd':
      return 'zstd'
    default:
      throw new SluiceError(
        'unsupported-media',
        `content encoding ${JSON.stringify(header)} is not taken; gzip and zstd are`,
      )
  }
}

function deviceOf(query: unknown): string | undefined {
  if (typeof query !== 'object' || query === null) return undefined
  const faults = []
  let device: string | undefined
  for (const [field, value] of Object.entries(query)) {
    if (field !== 'device') faults.push({ field, message: 'there is no such parameter' })
    else if (typeof value !== 'string' || value === '') faults.push({ field, message: 'expected one name' })
    else device = value
  }
  if (faults.length > 0) throw new BadRequest(faults)
  return device
}
