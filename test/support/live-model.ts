import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { encodeCursor } from '../../src/core/position.ts'
import { LiveHub } from '../../src/live/hub.ts'
import type { SubscriptionId } from '../../src/live/requests.ts'
import { type Frame, log, MemoryLog, rowNames, TestClient } from './live-memory.ts'

export type Step =
  | {
      readonly kind: 'subscribe'
      readonly client: number
      readonly id: SubscriptionId
      readonly devices: string
      readonly back: number | undefined
    }
  | { readonly kind: 'unsubscribe'; readonly client: number; readonly id: SubscriptionId }
  | { readonly kind: 'leave' | 'stall' | 'resume'; readonly client: number }
  | { readonly kind: 'rows'; readonly count: number }
  | { readonly kind: 'turn' }

/** What one subscription should get, and what it has got. */
interface Expected {
  readonly devices: string
  /** Its first row; undefined until it has been told where it begins. */
  from: number | undefined
  readonly got: number[]
  skipped: number
}

interface Member {
  readonly client: TestClient
  readonly subscriptions: Map<SubscriptionId, Expected>
  readonly receive: (text: string) => void
  readonly left: () => void
}

/** Turns in which everything that was sent must have arrived: each does what it can, so few are needed. */
const maxTurns = 1_000

/** A hub beside the plainest account of it: who is subscribed to what since when. Each frame is judged as it is sent. */
export class LiveModel {
  readonly #source = new MemoryLog()
  readonly #hub = new LiveHub(this.#source, { subscriptionsPerClient: 10 })
  readonly #members: Member[] = []
  /** A hub takes what a client throws for a fault of its own, so it is kept. */
  readonly #faults: string[] = []

  constructor(clients: number) {
    this.#source.grow(20)
    for (let i = 0; i < clients; i++) this.#members.push(this.#join())
  }

  get groups(): number {
    return this.#hub.status.groups
  }

  get readers(): number {
    return this.#source.readers
  }

  run(step: Exclude<Step, { kind: 'turn' }>): void {
    if (step.kind === 'rows') return this.#source.grow(step.count)
    const member = this.#members[step.client]
    assert.ok(member)
    switch (step.kind) {
      case 'subscribe': {
        const { id, devices, back } = step
        const next = back === undefined ? undefined : Math.max(0, this.#source.rows - back)
        const from =
          next === undefined ? undefined : encodeCursor([{ log, partition: 0, next: BigInt(next) }])
        member.subscriptions.set(id, { devices, from: next, got: [], skipped: 0 })
        return member.receive(JSON.stringify({ type: 'subscribe', id, devices, from }))
      }
      case 'unsubscribe':
        member.subscriptions.delete(step.id)
        return member.receive(JSON.stringify({ type: 'unsubscribe', id: step.id }))
      case 'stall':
        return member.client.stall()
      case 'resume':
        return member.client.resume()
      case 'leave':
        this.#leave(member)
        this.#members[step.client] = this.#join()
    }
  }

  /** What has been judged so far, and the counts. */
  check(): void {
    assert.deepEqual(this.#faults, [])
    const { clients, subscriptions } = this.#hub.status
    assert.equal(clients, this.#members.length)
    assert.equal(
      subscriptions,
      this.#members.reduce((sum, member) => sum + member.subscriptions.size, 0),
    )
  }

  /** Lets everything arrive, and looks whether it did. */
  async settle(): Promise<void> {
    for (const { client } of this.#members) client.resume()
    const all = this.#members.flatMap(({ subscriptions }) => [...subscriptions.values()])
    const isDue = (one: Expected) => one.got.length + one.skipped < this.#rowsOf(one).length
    for (let turn = 0; turn < maxTurns && all.some(isDue); turn++) await setImmediate()
    this.check()
    for (const one of all) {
      const rows = this.#rowsOf(one)
      if (one.skipped === 0) assert.deepEqual(one.got, rows)
      else assert.equal(one.got.length + one.skipped, rows.length)
    }
  }

  leaveAll(): void {
    for (const member of this.#members.splice(0)) this.#leave(member)
  }

  #leave({ client, subscriptions, left }: Member): void {
    subscriptions.clear()
    left()
    client.resume() // as `ready` says: it takes frames again, or is gone
  }

  #join(): Member {
    const subscriptions: Member['subscriptions'] = new Map()
    const client = new TestClient((frame) => this.#judge(frame, subscriptions))
    return { client, subscriptions, ...this.#hub.join(client) }
  }

  #judge({ type, id, rows, cursor, message }: Frame, subscriptions: Member['subscriptions']): void {
    if (type === 'hello') return
    const one = subscriptions.get(id ?? '')
    if (one === undefined) this.#faults.push(`${type} for ${id}, which is not subscribed: ${message}`)
    // From now on: from a place that the hub names.
    else if (type === 'subscribed') one.from ??= Number.parseInt(cursor?.split('-').at(-1) ?? '', 36)
    else if (type === 'gap') one.skipped += Number(rows)
    else if (type === 'readings') for (const [, , value] of rows ?? []) this.#take(one, value)
    else this.#faults.push(`${type}: ${message}`)
  }

  #take(one: Expected, value: number): void {
    if (one.got.includes(value)) this.#faults.push(`row ${value} comes twice`)
    if (!this.#rowsOf(one).includes(value))
      this.#faults.push(`row ${value} is not for ${one.devices} from ${one.from}`)
    one.got.push(value)
  }

  #rowsOf({ devices, from = 0 }: Expected): number[] {
    const isWanted = (device = '') =>
      devices === '*' || device === devices || (devices === 'pump*' && device.startsWith('pump'))
    return Array.from({ length: this.#source.rows - from }, (_, i) => from + i).filter((n) =>
      isWanted(rowNames[n % rowNames.length]?.device),
    )
  }
}
