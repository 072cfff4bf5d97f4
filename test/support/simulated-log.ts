import type { Storage } from '../../src/lib/storage.ts'
import type { EmbeddedLogOptions, LogThread } from '../../src/log/embedded/log.ts'
import { type EmbeddedLog, openOn } from '../../src/log/embedded/log.ts'
import { codeOf, LogServer, messageOf } from '../../src/log/embedded/log-server.ts'
import type { FromThread, ToThread } from '../../src/log/embedded/messages.ts'
import { LogWriter } from '../../src/log/embedded/writer.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryStorage } from './memory-storage.ts'
import { seededRandom } from './random.ts'

/**
 * The log thread without a thread: messages wait until they are handled, all at once as after a sync, and are copied on the
 * way as they are between threads.
 */
export class SimulatedThread implements LogThread {
  readonly died: Promise<Error>
  /** Handles messages at the next turn of the event loop; false leaves that to `handle`. */
  isAutomatic = true
  #die: (error: Error) => void = () => {}
  #server: LogServer | undefined
  #receive: ((message: FromThread) => void) | undefined
  #inbox: ToThread[] = []
  #outbox: FromThread[] = []
  #isScheduled = false

  constructor(
    storage: Storage,
    folder: string,
    options: Omit<EmbeddedLogOptions, 'groups'>,
    clock = new FakeClock(),
  ) {
    this.died = new Promise((resolve) => {
      this.#die = resolve
    })
    const send = (message: FromThread) => this.#send(message)
    try {
      this.#server = new LogServer(new LogWriter(storage, clock, folder, options), send)
    } catch (error) {
      send({ kind: 'refused', code: codeOf(error), message: messageOf(error) })
    }
  }

  post(message: ToThread): void {
    this.#inbox.push(structuredClone(message))
    if (this.isAutomatic) this.#schedule()
  }

  onMessage(receive: (message: FromThread) => void): void {
    this.#receive = receive
    this.#schedule()
  }

  /** What the thread does when its sync is over: takes everything that waits. */
  handle(): void {
    const messages = this.#inbox
    this.#inbox = []
    if (messages.length > 0) this.#server?.handle(messages)
    this.deliver()
  }

  /** Hands what the thread has said to the other side. */
  deliver(): void {
    const messages = this.#outbox
    this.#outbox = []
    for (const message of messages) this.#receive?.(message)
  }

  /** What the thread does twice a second. */
  check(): void {
    this.#server?.check()
    this.deliver()
  }

  /** The thread ends by an error nobody caught. */
  crash(error: Error): void {
    this.#server = undefined
    this.#die(error)
  }

  end(): Promise<void> {
    this.#server = undefined
    return Promise.resolve()
  }

  #send(message: FromThread): void {
    this.#outbox.push(structuredClone(message))
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.handle()
    })
  }
}

export interface SimulatedLog {
  readonly log: EmbeddedLog
  readonly thread: SimulatedThread
  readonly storage: MemoryStorage
  readonly clock: FakeClock
}

/** An embedded log on a disk in memory, without threads. */
export async function openSimulatedLog(
  options: Partial<EmbeddedLogOptions> = {},
  storage = new MemoryStorage({ random: seededRandom(1) }),
): Promise<SimulatedLog> {
  const { groups = [], ...writer } = options
  const clock = new FakeClock()
  const folder = '/data/log'
  const roomy = { segmentBytes: 1 << 20, maxBytes: 1e9, retentionSeconds: 7 * 86_400, reserveBytes: 0 }
  const thread = new SimulatedThread(storage, folder, { ...roomy, ...writer }, clock)
  const log = await openOn(thread, storage, folder, groups)
  return { log, thread, storage, clock }
}
