import type { StateStore } from '../../src/app/kept-state/state-feed.ts'
import {
  type StartStateThread,
  openKeptStateOn,
  type OpenKeptState,
} from '../../src/app/kept-state/kept-state.ts'
import type { FromState, ToState } from '../../src/app/kept-state/protocol.ts'
import { StateFeed } from '../../src/app/kept-state/state-feed.ts'
import { keyedStreams } from '../../src/core/keyed-state.ts'
import { type Sink, SinkFailure, type SinkState, type SinkWrite, type Written } from '../../src/core/sink.ts'
import { bytesAt, textAt, textColumn } from '../../src/core/text-column.ts'
import type { EmbeddedLog } from '../../src/log/embedded/log.ts'
import type { MemoryStorage } from '../support/memory-storage.ts'
import { copied } from './copied.ts'
import { sumOfBooks } from './simulated-store.ts'
import { must } from './violation.ts'
import type { World } from './world.ts'

interface StreamState {
  readonly values: Map<string, Uint8Array>
  state: SinkState | undefined
}

/** What the state file holds: it outlives the program, values and position in one transaction. */
export class SimulatedStateFile {
  readonly #streams = new Map<string, StreamState>(
    keyedStreams.map((stream) => [stream, { values: new Map(), state: undefined }]),
  )
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  get states(): readonly (SinkState | undefined)[] {
    return [...this.#streams.values()].map(({ state }) => state)
  }

  open(): StateStore {
    return {
      values: (stream) => {
        const { values } = this.#of(stream)
        return [{ keys: textColumn([...values.keys()]), values: textColumn([...values.values()]) }]
      },
      position: (stream, log) => this.#stateIn(stream, log),
      sink: (stream) => this.#sink(stream),
      close: () => undefined,
    }
  }

  #sink(stream: string): Sink {
    return {
      name: 'state',
      state: (log) =>
        this.#world.happens('disk', 'the state file is asked', () => this.#stateIn(stream, log)),
      write: (write) =>
        this.#world.happens('disk', 'the state file commits', () => this.#write(stream, write)),
      close: () => Promise.resolve(),
    }
  }

  #stateIn(stream: string, log: string): SinkState | undefined {
    const { state } = this.#of(stream)
    return state?.position.log === log ? state : undefined
  }

  #write(stream: string, { batch, from, to, terms }: SinkWrite): Written {
    const kept = this.#of(stream)
    const { state } = kept
    if (this.#world.chance(0.05)) throw new SinkFailure('retry', 'busy', 'somebody looks into it')
    if (state !== undefined && state.position.next !== from.next)
      throw new SinkFailure('stop', 'store-refused', 'fenced: the position has moved')
    must(state === undefined || state.position.log === to.log, () => `the log's id has changed to ${to.log}`)
    const documents = batch?.kind === 'documents' ? batch : undefined
    for (let i = 0; i < (documents?.length ?? 0); i++) {
      if (documents === undefined) break
      const [key, value] = [textAt(documents.key, i), bytesAt(documents.body, i)]
      if (value.length === 0) kept.values.delete(key)
      else kept.values.set(key, new Uint8Array(value))
    }
    const stored = documents?.length ?? 0
    kept.state = { position: to, books: sumOfBooks(state?.books, { ...terms, stored }) }
    this.#world.trace.add('the state file holds', Number(to.next), kept.values.size)
    return { stored, repeated: 0, overwritten: 0, refused: [] }
  }

  #of(stream: string): StreamState {
    const found = this.#streams.get(stream)
    if (found === undefined) throw new Error(`${stream} is no keyed stream`)
    return found
  }
}

/** The kept state of a program, whose thread is a task of the world like the others. */
export function openSimulatedState(
  world: World,
  storage: MemoryStorage,
  folder: string,
  log: EmbeddedLog,
  file: SimulatedStateFile,
): Promise<OpenKeptState> {
  const start: StartStateThread = (startWith) => {
    let receive: ((message: FromState) => void) | undefined
    const feed = new StateFeed({
      start: startWith,
      storage,
      clock: world.clock,
      open: () => file.open(),
      isDamaged: () => false,
      setAside: () => '',
      send(message) {
        const copy = copied(message)
        world.post('message', `state says ${message.kind}`, () => receive?.(copy), 'program', 'from state')
      },
    })
    const ended = Promise.withResolvers<unknown>()
    const died = Promise.withResolvers<unknown>()
    world.post('turn', 'the state thread starts', () => {
      feed.run().then(ended.resolve, died.resolve)
    })
    return {
      post(message: ToState) {
        const copy = copied(message)
        world.post('message', `state hears ${message.kind}`, () => feed.receive(copy), 'program', 'to state')
      },
      onMessage(given) {
        receive = given
      },
      died: died.promise,
      ended: ended.promise,
    }
  }
  return openKeptStateOn(start, log, {
    name: 'state',
    groupOf: (stream) => `state/${stream}`,
    file: 'state.db',
    logFolder: folder,
    onStatus() {},
    onSetAside() {},
  })
}
