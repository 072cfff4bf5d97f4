import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Durable } from '../../src/core/durable.ts'
import { type KeptState, messagesStream } from '../../src/core/keyed-state.ts'
import { openEmbeddedLog } from '../../src/log/embedded/log.ts'
import { RecordingIntake } from './recording-intake.ts'

type Write = readonly [keyed: Map<string, Uint8Array>, key: string, value: Uint8Array | undefined]

/** A Durable, of a commit of nothing. */
export async function someDurable(): Promise<Durable> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-durable-'))
  try {
    const log = await openEmbeddedLog(folder, {
      segmentBytes: 1 << 20,
      maxBytes: 1 << 30,
      retentionSeconds: 3600,
      reserveBytes: 0,
      groups: [],
    })
    const { books } = log.start
    const durable = await log.commit({ names: [], readings: undefined, edits: [], documents: [], books })
    await log.close()
    return durable
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/**
 * An intake whose commits end when the test says so, one after the other. What a commit has set is on its disk, `state` and `messages`,
 * once it has succeeded.
 */
export class HeldIntake extends RecordingIntake {
  readonly messages = new Map<string, Uint8Array>()
  readonly #durable: Durable
  #open: Write[] = []
  /** The last one asked for, unless it failed: who has added nothing since means that one. */
  #last: Promise<Durable> | undefined
  /** Asked for and not ended, the oldest first. */
  readonly #asked: { readonly writes: Write[]; readonly promise: PromiseWithResolvers<Durable> }[] = []

  constructor(durable: Durable) {
    super()
    this.#durable = durable
  }

  get commits(): number {
    return this.#asked.length
  }

  override set(key: string, value: Uint8Array | undefined): void {
    this.#open.push([this.state, key, value?.slice()])
  }

  override addDocument(stream: string, key: string, _time: number, body: Uint8Array): void {
    if (stream !== messagesStream) throw new Error(`nothing here reads ${stream}`)
    this.#open.push([this.messages, key, body.length === 0 ? undefined : body.slice()])
  }

  override durable(): Promise<Durable> {
    if (this.#open.length === 0 && this.#last !== undefined) return this.#last
    const promise = Promise.withResolvers<Durable>()
    this.#last = promise.promise
    this.#asked.push({ writes: this.#open, promise })
    this.#open = []
    return promise.promise
  }

  /** Ends the oldest commit. Resolves when those who waited for it have been told. */
  async end(outcome: 'succeeds' | 'fails'): Promise<void> {
    const commit = this.#asked.shift()
    if (commit === undefined) throw new Error('no commit was asked for')
    if (outcome === 'fails') {
      if (this.#last === commit.promise.promise) this.#last = undefined
      commit.promise.reject(new Error('the disk is full'))
    } else {
      for (const [keyed, key, value] of commit.writes)
        if (value === undefined) keyed.delete(key)
        else keyed.set(key, value)
      commit.promise.resolve(this.#durable)
    }
    await new Promise(setImmediate)
  }

  /** The next run's, on the same disk: what has not ended never will. */
  restarted(): HeldIntake {
    const next = new HeldIntake(this.#durable)
    for (const [key, value] of this.state) next.state.set(key, value)
    for (const [key, value] of this.messages) next.messages.set(key, value)
    return next
  }

  /** What a start would find. */
  get found(): KeptState {
    return { state: keyedState(this.state), messages: { ...keyedState(this.messages), clear: () => {} } }
  }
}

function keyedState(disk: ReadonlyMap<string, Uint8Array>) {
  const values = new Map(disk)
  return {
    get: (key: string) => values.get(key),
    entries: (prefix: string) => [...values].filter(([key]) => key.startsWith(prefix)),
  }
}
