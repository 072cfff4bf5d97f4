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
  /** Everybody who is subscribed; some still catch up and are in no group. The log is read while there are any. */
  readonly #subscriptions = new Set<Subscription>()
  readonly #groups = new Map<string, Group>()
  #isClosed = false
  #reading: AbortController | undefined
  /** Everything below has been sent to the members of the groups. */
  #flushed: Position
  /** Those who wait for the next flush. */
  readonly #awaiting = new Set<() => void>()
  #clients = 0

  constructor(source: LiveSource, limits: LiveLimits) {
    this.#source = source
    this.#limits = limits
    this.#flushed = source.position()
  }

  get status(): { clients: number; subscriptions: number; groups: number } {
    return { clients: this.#clients, subscriptions: this.#subscriptions.size, groups: this.#groups.size }
  }

  /** A client has come; the caller passes on what it says, and tells when it is gone. */
  join(client: LiveClient): { receive(text: string): void; left(): void } {
    const own = new Map<SubscriptionId, Subscription>()
    this.#clients++
    client.send(JSON.stringify({ type: 'hello', cursor: encodeCursor([this.#source.position()]) }))

    const unsubscribe = (id: SubscriptionId) => {
      own.get(id)?.close()
      own.delete(id)
    }

    const subscribe = (request: SubscribeRequest) => {
      const { id, from } = request
      unsubscribe(id)
      const max = this.#limits.subscriptionsPerClient
      if (own.size >= max) return say(client, id, 'busy', `at most ${max} subscriptions for one client`)
      const start = this.#startOf(from)
      if ('fault' in start) return say(client, id, 'bad-request', start.fault)
      const cursor = encodeCursor([start.position])
      const subscription = new Subscription(id, client, cursor)
      own.set(id, subscription)
      client.send(JSON.stringify({ type: 'subscribed', id, cursor }))
      if (start.missed > 0)
        client.send(JSON.stringify({ type: 'gap', id, rows: start.missed, from, to: cursor }))
      this.#readFor(subscription)
      this.#catchUp(request, subscription, start.position, client).catch((error: unknown) => {
        if (subscription.closed.aborted) return
        unsubscribe(id)
        say(client, id, 'internal', String(error))
      })
    }

    return {
      receive: (text) => {
        if (this.#isClosed) return
        const request = parseRequest(text)
        if ('fault' in request) say(client, undefined, 'bad-request', request.fault)
        else if (request.type === 'ping') client.send('{"type":"pong"}')
        else if (request.type === 'unsubscribe') unsubscribe(request.id)
        else subscribe(request)
      },
      left: () => {
        this.#clients--
        for (const id of own.keys()) unsubscribe(id)
      },
    }
  }

  close(): void {
    this.#isClosed = true
    for (const subscription of [...this.#subscriptions]) subscription.close()
  }

  /** Where a subscription begins, and how many numbers behind its cursor the log no longer holds; or why it cannot begin. */
  #startOf(from: string | undefined): { position: Position; missed: number } | { fault: string } {
    const now = this.#flushedNow()
    if (from === undefined) return { position: now, missed: 0 }
    const end = this.#source.position()
    const position = decodeCursor(from)?.find(({ partition }) => partition === end.partition)
    // What was missed since a place in another log, nobody here can say.
    if (position === undefined || position.log !== end.log || position.next > end.next)
      return {
        fault: `from: ${JSON.stringify(from)} is no cursor of this log; read history again, and go on from its asOf`,
      }
    const first = this.#source.first()
    if (position.next >= first) return { position, missed: 0 }
    return { position: { ...position, next: first }, missed: Number(first - position.next) }
  }

  /** While nobody listens nothing is read, so where the groups stand is where the log stands. */
  #flushedNow(): Position {
    if (this.#reading === undefined) this.#flushed = this.#source.position()
    return this.#flushed
  }

  /**
   * Sends what lies between a cursor and where the groups stand, until both are the same place, and enters the group in the
   * same turn: no row can slip in between. Ends early if the subscription is closed.
   */
  async #catchUp(
    request: SubscribeRequest,
    subscription: Subscription,
    from: Position,
    client: LiveClient,
  ): Promise<void> {
    const { closed } = subscription
    const interest = new Interest(request.devices, request.metrics)
    let reached = from
    while (!closed.aborted) {
      if (reached.next === this.#flushed.next) return this.#enter(request, subscription)
      // The groups gather for a moment: a new cursor may be ahead of them, and what they send next lies in part before it.
      if (reached.next > this.#flushed.next) {
        await this.#nextFlush(closed)
        continue
      }
      const goal = this.#flushed
      const options = { from: reached, maxRows, lingerMs: 0, until: goal.next }
      for await (const { batch, to } of this.#source.consume(options, closed)) {
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
  }

  #nextFlush(closed: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaiting.add(resolve)
    onAbort(closed, () => {
      this.#awaiting.delete(resolve)
      resolve()
    })
    return promise
  }

  /** What is entered here is left where the subscription is closed, and nowhere else. */
  #enter(request: SubscribeRequest, subscription: Subscription): void {
    const key = groupKey(request)
    const group = this.#groups.get(key) ?? new Group(request)
    this.#groups.set(key, group)
    group.members.add(subscription)
    onAbort(subscription.closed, () => {
      group.members.delete(subscription)
      if (group.members.size === 0) this.#groups.delete(key)
    })
  }

  /** Keeps the log being read until the subscription is closed. */
  #readFor(subscription: Subscription): void {
    this.#subscriptions.add(subscription)
    onAbort(subscription.closed, () => {
      this.#subscriptions.delete(subscription)
      if (this.#subscriptions.size > 0) return
      this.#reading?.abort()
      this.#reading = undefined
    })
    if (this.#reading !== undefined) return
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
          for (const resolve of this.#awaiting) resolve()
          this.#awaiting.clear()
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

function onAbort(signal: AbortSignal, run: () => void): void {
  signal.addEventListener('abort', run, { once: true })
}
