import { numberAt } from '../core/batch.ts'
import type { ConsumeOptions, Delivery } from '../core/log.ts'
import { decodeCursor, encodeCursor, type Position } from '../core/position.ts'
import { wait } from '../lib/wait.ts'
import { Group, groupKey } from './group.ts'
import type { LiveClient } from './live-client.ts'
import { Interest } from './interest.ts'
import { parseRequest, type SubscribeRequest, type SubscriptionId } from './requests.ts'
import { encodeRows, type LiveRow, rowAt } from './rows.ts'
import { Subscription } from './subscription.ts'

/** The log as the hub needs it. */
export interface LiveSource {
  /** The end of what is durable now. */
  position(): Position
  /** The beginning of what the log still holds. */
  first(): bigint
  consume(options: ConsumeOptions, signal: AbortSignal): AsyncIterable<Delivery>
}

export interface LiveLimits {
  readonly subscriptionsPerClient: number
}

/** Between two flushes: a screen does not show more than twenty states a second. */
const flushMs = 50
const maxRows = 16_384

/**
 * Live push: reads the log once for everybody, and only while somebody listens. What a client is shown is durable; its cursor says
 * how far it has come, and `from` goes on behind a cursor without a gap or a repetition.
 */
export class LiveHub {
  readonly #source: LiveSource
  readonly #limits: LiveLimits
  readonly #groups = new Map<string, Group>()
  readonly #closing = new AbortController()
  #reading: AbortController | undefined
  /** Everything below has been sent to the members of the groups. */
  #flushed: Position
  #clients = 0

  constructor(source: LiveSource, limits: LiveLimits) {
    this.#source = source
    this.#limits = limits
    this.#flushed = source.position()
  }

  get status(): { clients: number; subscriptions: number; groups: number } {
    let subscriptions = 0
    for (const { members } of this.#groups.values()) subscriptions += members.size
    return { clients: this.#clients, subscriptions, groups: this.#groups.size }
  }

  /** A client has come; the caller passes on what it says, and tells when it is gone. */
  join(client: LiveClient): { receive(text: string): void; left(): void } {
    const own = new Map<
      SubscriptionId,
      { group: Group | undefined; subscription: Subscription; stop: AbortController }
    >()
    this.#clients++
    client.send(JSON.stringify({ type: 'hello', cursor: encodeCursor([this.#source.position()]) }))

    const unsubscribe = (id: SubscriptionId) => {
      const entry = own.get(id)
      if (!entry) return
      own.delete(id)
      entry.stop.abort()
      entry.subscription.close()
      if (entry.group) this.#leave(entry.group, entry.subscription)
    }

    const subscribe = async (request: SubscribeRequest) => {
      unsubscribe(request.id)
      if (own.size >= this.#limits.subscriptionsPerClient) {
        say(
          client,
          request.id,
          'busy',
          `at most ${this.#limits.subscriptionsPerClient} subscriptions for one client`,
        )
        return
      }
      const start = this.#startOf(request, client)
      if (start === undefined) return
      const subscription = new Subscription(request.id, client, encodeCursor([start.position]))
      const entry = { group: undefined as Group | undefined, subscription, stop: new AbortController() }
      own.set(request.id, entry)
      client.send(JSON.stringify({ type: 'subscribed', id: request.id, cursor: subscription.cursor }))
      if (start.missed > 0) {
        const cursor = subscription.cursor
        client.send(
          JSON.stringify({ type: 'gap', id: request.id, rows: start.missed, from: request.from, to: cursor }),
        )
      }
      this.#ensureReading()
      const signal = AbortSignal.any([entry.stop.signal, this.#closing.signal])
      entry.group = await this.#catchUp(request, subscription, start.position, client, signal)
    }

    return {
      receive: (text) => {
        const request = parseRequest(text)
        if ('fault' in request) say(client, undefined, 'bad-request', request.fault)
        else if (request.type === 'ping') client.send('{"type":"pong"}')
        else if (request.type === 'unsubscribe') unsubscribe(request.id)
        else subscribe(request).catch((error: unknown) => say(client, request.id, 'internal', String(error)))
      },
      left: () => {
        this.#clients--
        for (const id of [...own.keys()]) unsubscribe(id)
      },
    }
  }

  close(): void {
    this.#closing.abort()
    this.#reading?.abort()
  }

  /** Where a subscription begins; tells the client and returns undefined if its cursor is none. */
  #startOf(
    request: SubscribeRequest,
    client: LiveClient,
  ): { position: Position; missed: number } | undefined {
    const now = this.#flushedNow()
    if (request.from === undefined) return { position: now, missed: 0 }
    const position = decodeCursor(request.from)?.find(({ partition }) => partition === now.partition)
    if (
      position === undefined ||
      (position.log === now.log && position.next > this.#source.position().next)
    ) {
      say(client, request.id, 'bad-request', `from: ${JSON.stringify(request.from)} is no cursor of this log`)
      return undefined
    }
    const first = this.#source.first()
    // Another log, or so long ago that retention has passed: all that is left is shown, and the gap is said.
    if (position.log !== now.log)
      return { position: { ...now, next: first }, missed: Number(now.next - first) }
    if (position.next < first)
      return { position: { ...now, next: first }, missed: Number(first - position.next) }
    return { position, missed: 0 }
  }

  /** While nobody listens nothing is read, so where the groups stand is where the log stands. */
  #flushedNow(): Position {
    if (this.#reading === undefined) this.#flushed = this.#source.position()
    return this.#flushed
  }

  /**
   * Sends what lies between a cursor and where the groups stand, until both are the same place, and enters the group in the
   * same turn: no row can slip in between. Returns undefined if it was called off.
   */
  async #catchUp(
    request: SubscribeRequest,
    subscription: Subscription,
    from: Position,
    client: LiveClient,
    signal: AbortSignal,
  ): Promise<Group | undefined> {
    const interest = new Interest(request.devices, request.metrics)
    let reached = from
    while (!signal.aborted) {
      if (reached.next >= this.#flushed.next) return this.#enter(request, subscription)
      const goal = this.#flushed
      const options = { from: reached, maxRows, lingerMs: 0, until: goal.next }
      for await (const { batch, to } of this.#source.consume(options, signal)) {
        if (batch.kind === 'readings') {
          const rows: LiveRow[] = []
          for (let i = 0; i < batch.length; i++) {
            const isDue = numberAt(batch, i) < goal.next
            if (isDue && interest.has(batch.series[i] as number, batch.names)) rows.push(rowAt(batch, i))
          }
          const cursor = encodeCursor([to.next < goal.next ? to : goal])
          subscription.deliver({ rows, json: encodeRows(rows), skipped: 0, cursor, names: batch.names })
          await client.ready()
        }
        if (to.next >= goal.next) break
      }
      reached = goal
    }
    return undefined
  }

  #enter(request: SubscribeRequest, subscription: Subscription): Group {
    const key = groupKey(request)
    const group = this.#groups.get(key) ?? new Group(request)
    this.#groups.set(key, group)
    group.members.add(subscription)
    this.#ensureReading()
    return group
  }

  #leave(group: Group, subscription: Subscription): void {
    group.members.delete(subscription)
    if (group.members.size === 0) this.#groups.delete(group.key)
    if (this.#groups.size > 0) return
    this.#reading?.abort()
    this.#reading = undefined
  }

  #ensureReading(): void {
    if (this.#reading !== undefined || this.#closing.signal.aborted) return
    this.#reading = new AbortController()
    this.#read(this.#reading.signal).catch(() => undefined) // it has caught everything that reading can throw
  }

  /** Takes a batch, flushes, and waits for more to gather: groups and members always stand at the same place. */
  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const delivery of this.#source.consume(
          { from: this.#flushed, maxRows, lingerMs: flushMs },
          signal,
        )) {
          if (signal.aborted) return
          if (delivery.batch.kind === 'readings')
            for (const group of this.#groups.values()) group.take(delivery.batch)
          this.#flushed = delivery.to
          const cursor = encodeCursor([delivery.to])
          for (const group of this.#groups.values()) group.flush(cursor)
        }
      } catch {
        // A segment that went away under the reader: go on from where the groups stand.
        await wait(1000, signal)
      }
    }
  }
}

function say(client: LiveClient, id: SubscriptionId | undefined, code: string, message: string): void {
  client.send(JSON.stringify({ type: 'error', ...(id === undefined ? {} : { id }), code, message }))
}
