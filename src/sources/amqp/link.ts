import { isIP, Socket } from 'node:net'
import { type AsyncMessage, type Channel, Connection } from 'rabbitmq-client'
import { SourceFailure } from '../../core/source.ts'
import { readTlsFiles } from '../tls-files.ts'
import { type AmqpAddress, placeOf } from './options.ts'
import { amqpFailure } from './reason.ts'

/** What RabbitMQ offers too; the client's 8 KiB cut a body of 4 MiB into 500 frames. */
const frameBytes = 128 * 1024
/** The client tries again by itself, after this long; whoever runs the source does it better, and ends the client first. */
const neverMs = 2 ** 30
const goodbyeMs = 3_000

/** A message as it came. */
export interface Delivery {
  readonly tag: number
  readonly redelivered: boolean
  readonly routingKey: string
  readonly body: Buffer
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly timestamp: number | undefined
  readonly messageId: string | undefined
  readonly headers: Readonly<Record<string, unknown>>
}

/** One connection to RabbitMQ, made once: when it is lost, or one of its channels is closed by the server, it is of no more use. */
export class AmqpLink {
  /** Aborts with a SourceFailure as its reason when the connection is lost. */
  readonly ended: AbortSignal
  readonly #ending: AbortController
  readonly #connection: Connection
  readonly #valve: Valve
  readonly #pulseMs: number
  #pulse: NodeJS.Timeout | undefined
  /** A goodbye was said: what still comes goes back to RabbitMQ. */
  isClosing = false

  private constructor(connection: Connection, ending: AbortController, heartbeatSeconds: number) {
    this.#connection = connection
    this.#valve = valveOf(connection)
    this.#pulseMs = (heartbeatSeconds * 1000) / 4
    this.#ending = ending
    this.ended = ending.signal
  }

  /** @throws SourceFailure when there is no connection within the time allowed, or `signal` aborts. */
  static async open(address: AmqpAddress, connectionName: string, signal: AbortSignal): Promise<AmqpLink> {
    const { host, port, isTls, vhost } = placeOf(address.url)
    const ending = new AbortController()
    const connection = new Connection({
      hostname: host,
      port,
      vhost,
      username: address.user,
      password: address.password ?? 'guest',
      connectionName,
      heartbeat: address.heartbeatSeconds,
      connectionTimeout: address.connectTimeoutMs,
      acquireTimeout: address.connectTimeoutMs,
      frameMax: frameBytes,
      maxChannels: 16,
      noDelay: true,
      retryLow: neverMs,
      retryHigh: neverMs,
      ...(isTls
        ? { tls: { ...(isIP(host) === 0 ? { servername: host } : {}), ...readTlsFiles(address) } }
        : {}),
    })
    const link = new AmqpLink(connection, ending, address.heartbeatSeconds)
    const abort = (): void => link.fail(new SourceFailure('retry', 'stopped'))
    const connected = Promise.withResolvers<void>()
    connection.on('connection', () => connected.resolve())
    connection.on('error', (error: unknown) => link.fail(amqpFailure(error)))
    ending.signal.addEventListener('abort', () => connected.reject(ending.signal.reason))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    try {
      await connected.promise
      return link
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** A new channel. One that the server closes as its answer to a call fails that call; at any other time the link ends with it. */
  async channel(): Promise<Channel> {
    const channel = await this.call(this.#connection.acquire({ emitErrorsFromChannel: true }))
    channel.on('error', (error: unknown) => this.fail(amqpFailure(error)))
    return channel
  }

  /** What a call of a channel came to, as a SourceFailure where it failed. */
  async call<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      // Of a lost connection the calls say only that it is closed.
      throw this.ended.aborted ? this.ended.reason : amqpFailure(error)
    }
  }

  /** Reads no more, so that RabbitMQ has to wait. A link that is being closed reads on: the answers to its goodbye stand behind the rest. */
  pause(): void {
    if (this.isClosing || this.ended.aborted) return
    this.#valve.isShut = true
    this.#pulse ??= setInterval(() => this.#valve.readOnce(), this.#pulseMs)
  }

  resume(): void {
    if (this.#pulse === undefined) return
    clearInterval(this.#pulse)
    this.#pulse = undefined
    this.#valve.isShut = false
    this.#valve.readOnce()
  }

  /** Ends the link because of this. */
  fail(failure: SourceFailure): void {
    clearInterval(this.#pulse)
    this.#ending.abort(failure)
    this.#connection.unsafeDestroy()
  }

  /** Sends what waits to be sent, and closes. */
  async close(...channels: readonly Channel[]): Promise<void> {
    if (this.ended.aborted) return
    this.isClosing = true
    this.resume()
    const goodbye = (async () => {
      await Promise.all(channels.map((channel) => channel.close()))
      await this.#connection.close()
    })()
    const late = setTimeout(() => this.#connection.unsafeDestroy(), goodbyeMs)
    await goodbye.catch(() => undefined)
    clearTimeout(late)
    this.#connection.unsafeDestroy()
  }
}

/**
 * Lets a channel hand over bodies as they came: by itself the client parses what says that it is JSON, and makes a text of what says that it
 * is one, and the bytes are lost. It looks at the content type alone, which is therefore kept from it. `begins` is called with the size of
 * each body before it is read; messages are handed over later in the turn, when more have been read.
 * https://github.com/cody-greene/node-rabbitmq-client/blob/v5.0.8/src/Channel.ts (`_onBody`)
 */
export function keepBodies(channel: Channel, begins: (bytes: number) => void): void {
  // A member that the types do not show: looked at, and refused if another version has none.
  const inner = channel as unknown as { _onHeader?: (frame: HeaderFrame) => void }
  const onHeader = inner._onHeader
  if (typeof onHeader !== 'function') throw new TypeError('this version of rabbitmq-client shows no headers')
  inner._onHeader = (frame) => {
    begins(frame.bodySize)
    const { contentType, ...fields } = frame.fields
    onHeader.call(channel, { ...frame, fields: { ...fields, [sentContentType]: contentType } })
  }
}

/** A message of a channel that keeps its bodies. */
export function deliveryOf(message: AsyncMessage): Delivery {
  const body: unknown = message.body
  if (!Buffer.isBuffer(body)) throw new TypeError('rabbitmq-client has changed a body')
  // Set by keepBodies; the client copies what it does not know.
  const contentType = (message as unknown as Record<string, unknown>)[sentContentType]
  return {
    tag: message.deliveryTag,
    redelivered: message.redelivered,
    routingKey: message.routingKey,
    body,
    contentType: typeof contentType === 'string' ? contentType : undefined,
    contentEncoding: message.contentEncoding,
    timestamp: message.timestamp,
    messageId: message.messageId,
    headers: message.headers ?? {},
  }
}

/** Between the socket and the client. */
interface Valve {
  isShut: boolean
  readOnce(): void
}

/** The client reads whatever comes. Its reader asks the socket for so many bytes, and waits for `readable` if there are fewer. */
function valveOf(connection: Connection): Valve {
  // A member that the types do not show: looked at, and refused if another version has none.
  const { _socket: socket } = connection as unknown as { _socket?: Socket }
  if (!(socket instanceof Socket)) throw new TypeError('this version of rabbitmq-client shows no socket')
  const read = socket.read.bind(socket)
  let isPulse = false
  const valve: Valve = {
    isShut: false,
    readOnce() {
      isPulse = true
      socket.emit('readable')
      isPulse = false
    },
  }
  socket.read = (size?: number): unknown => (valve.isShut && !isPulse ? null : read(size))
  return valve
}

const sentContentType = 'sentContentType'

interface HeaderFrame {
  readonly bodySize: number
  readonly fields: Readonly<Record<string, unknown>>
}
