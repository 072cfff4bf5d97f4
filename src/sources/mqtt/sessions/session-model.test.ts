import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import type { Durable } from '../../../core/durable.ts'
import { HeldIntake, someDurable } from '../../../../test/support/held-intake.ts'
import { Keeper } from './keeper.ts'
import { Message } from './message.ts'
import { prefixes } from './session-record.ts'
import type { Receiver, Session } from './session.ts'
import { SessionTable } from './session-table.ts'
import { Subscriptions } from './subscriptions.ts'

// One session, its client and its disk, against a plain list: the messages that were published.

let durable: Durable
before(async () => {
  durable = await someDurable()
})

type Step =
  | { readonly do: 'publish'; readonly qos: 1 | 2 }
  | { readonly do: 'connect'; readonly window: number }
  | { readonly do: 'answer'; readonly count: number }
  | { readonly do: 'succeed' | 'fail' | 'sweep' | 'disconnect' | 'crash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), qos: fc.constantFrom(1, 2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('connect' as const), window: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('answer' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('succeed' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('fail', 'sweep', 'disconnect', 'crash') }),
  },
) as fc.Arbitrary<Step> // as: constantFrom widens its literals

interface Answer {
  readonly kind: 'puback' | 'pubrec' | 'pubcomp'
  readonly packetId: number
}

/** A client as the standard wants it: it keeps its part of QoS 2 for ever, and forgets its answers with the connection. */
class Client {
  /** In the order in which they first came. */
  readonly taken: number[] = []
  readonly takenTwice: number[] = []
  answers: Answer[] = []
  /** Packet ids of QoS 2 messages that it has and was not told to forget. */
  readonly #held = new Set<number>()
  /** The form that a message was given in, by its number. */
  readonly #given = new Map<number, { readonly packetId: number; readonly qos: number }>()
  #unfinished = new Set<number>()
  #window = 0

  connect(window: number): Receiver {
    this.#window = window
    this.answers = []
    this.#unfinished = new Set()
    return {
      maxPacketBytes: Number.POSITIVE_INFINITY,
      window,
      isFull: false,
      hasRoomFor: () => true,
      give: (message, form) => this.#take(message, form),
      sendRelease: (packetId) => this.#release(packetId),
    }
  }

  /** The server may have forgotten that it sent something at QoS 1. */
  serverCrashed(): void {
    for (const [number, { qos }] of this.#given) if (qos === 1) this.#given.delete(number)
  }

  #take(message: Message, form: Parameters<Receiver['give']>[1]): boolean {
    const number = Number(Buffer.from(message.payload).toString())
    const { qos, packetId, isRepeat } = form
    const givenAs = this.#given.get(number)
    if (givenAs !== undefined) {
      assert.equal(packetId, givenAs.packetId, `message ${number} has another packet id`)
      assert.equal(isRepeat, true, `message ${number} is not marked`)
    }
    this.#given.set(number, { packetId, qos })
    this.#unfinished.add(packetId)
    assert.ok(this.#unfinished.size <= this.#window, 'the window is exceeded')
    const isKnown = qos === 2 && this.#held.has(packetId)
    if (qos === 2) this.#held.add(packetId)
    if (!isKnown && !this.taken.includes(number)) this.taken.push(number)
    else if (!isKnown && qos === 2) this.takenTwice.push(number)
    this.answers.push({ kind: qos === 1 ? 'puback' : 'pubrec', packetId })
    return true
  }

  #release(packetId: number): void {
    this.#held.delete(packetId)
    this.#unfinished.add(packetId)
    assert.ok(this.#unfinished.size <= this.#window, 'the window is exceeded')
    this.answers.push({ kind: 'pubcomp', packetId })
  }

  answered({ kind, packetId }: Answer): void {
    if (kind !== 'pubrec') this.#unfinished.delete(packetId)
  }
}

class Model {
  readonly client = new Client()
  readonly published: number[] = []
  intake: HeldIntake
  #keeper!: Keeper
  #table!: SessionTable
  session!: Session
  #isConnected = false
  #next = 0

  constructor() {
    this.intake = new HeldIntake(durable)
    this.#start()
    this.#connect(1)
    this.#keeper.commit()
  }

  get keeper(): Keeper {
    return this.#keeper
  }

  async run(step: Step): Promise<void> {
    if (step.do === 'publish') this.#publish(step.qos)
    else if (step.do === 'connect') {
      this.#disconnect()
      this.#connect(step.window)
    } else if (step.do === 'answer') for (let i = 0; i < step.count; i++) this.#answer()
    else if (step.do === 'sweep') this.#keeper.commit()
    else if (step.do === 'disconnect') this.#disconnect()
    else if (step.do === 'crash') {
      this.#isConnected = false
      this.client.serverCrashed()
      this.intake = this.intake.restarted()
      this.#start()
    } else if (this.intake.commits > 0) await this.intake.end(step.do === 'fail' ? 'fails' : 'succeeds')
  }

  /** Everything comes to its end: the disk writes, the client is there and answers. */
  async finish(): Promise<void> {
    await this.run({ do: 'connect', window: 3 })
    do {
      this.#keeper.commit()
      while (this.intake.commits > 0) await this.intake.end('succeeds')
      while (this.client.answers.length > 0) this.#answer()
    } while (this.#keeper.isDirty || this.intake.commits > 0)
  }

  #start(): void {
    this.#keeper = new Keeper(this.intake, { maxQueuedBytes: 1 << 20, maxQueuedTotalBytes: 1 << 20 })
    const subscriptions = new Subscriptions(
      { maxSubscriptionBytes: 1 << 20, matchCacheBytes: 0 },
      { matchesForgotten: 0 },
    )
    this.#table = new SessionTable(subscriptions, this.#keeper)
    this.#table.restore(this.intake.found)
    this.session = this.#open()
  }

  #open(): Session {
    const principal = { kind: 'local', name: 'local', roles: [] } as const
    const request = { clientId: 'a', isClean: false, expirySeconds: 1000, version: 5 as const, principal }
    return this.#table.open(request).session
  }

  #connect(window: number): void {
    this.#isConnected = true
    this.session = this.#open()
    this.session.connected(this.client.connect(window))
    this.session.pump()
  }

  #disconnect(): void {
    if (!this.#isConnected) return
    this.#isConnected = false
    this.client.answers = []
    this.#table.leave(this.session)
  }

  #publish(qos: 1 | 2): void {
    const number = this.#next++
    const [topic, properties] = [Buffer.from('t'), new Uint8Array(0)]
    const payload = Buffer.from(String(number))
    const message = new Message({ topic, properties, payload, qos, expiresAt: Number.POSITIVE_INFINITY })
    const { session, intake } = this
    const keeper = this.#keeper
    assert.ok(keeper.hold(session, message))
    keeper.keep(message, [{ session: session.number, qos, retain: false, ids: [] }])
    keeper.commit()
    intake.durable().then(
      () => {
        this.published.push(number)
        session.add({ message, qos, retain: false, ids: [], packetId: 0, state: 'queued' })
      },
      () => keeper.release(session, message),
    )
  }

  #answer(): void {
    const answer = this.client.answers.shift()
    if (answer === undefined) return
    const { kind, packetId } = answer
    this.client.answered(answer)
    if (kind === 'puback') this.session.acknowledged(packetId)
    else if (kind === 'pubcomp') this.session.completed(packetId)
    else if (this.session.received(packetId)) {
      const { session, intake } = this
      const { receiver } = session
      this.#keeper.commit()
      intake.durable().then(
        () => {
          // As the queue of answers does: only to the connection that it belongs to.
          if (session.receiver === receiver) receiver?.sendRelease(packetId)
        },
        // Where a commit fails the connection is closed.
        () => {
          if (session.receiver === receiver) this.#disconnect()
        },
      )
    }
  }
}

test('a session gives its client what was published: each message, in order, at QoS 2 once, over breaks, crashes and full disks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model()
      await model.intake.end('succeeds')
      for (const one of steps) await model.run(one)
      await model.finish()
      const { client, published, session, intake, keeper } = model
      assert.deepEqual(client.taken, published)
      assert.deepEqual(client.takenTwice, [], 'messages of QoS 2 that were taken twice')
      assert.ok(session.outgoing.isEmpty)
      assert.equal(session.outgoing.bytes, 0)
      assert.equal(keeper.queuedBytes, 0)
      assert.equal(keeper.queuedMessages, 0)
      assert.deepEqual([...intake.messages.keys()], [], 'messages that are left over on disk')
      const left = [...intake.state.keys()].filter((key) => key.startsWith(prefixes.inFlight))
      assert.deepEqual(left, [], 'packet ids that are left over on disk')
    }),
    { numRuns: 300 },
  )
})
