import type { LogThread } from '../../src/log/embedded/log.ts'
import { codeOf, LogServer, messageOf } from '../../src/log/embedded/log-server.ts'
import type { FromThread, ToThread } from '../../src/log/embedded/messages.ts'
import { LogWriter, type WriterOptions } from '../../src/log/embedded/writer.ts'
import type { MemoryStorage } from '../support/memory-storage.ts'
import { copied } from './copied.ts'
import type { World } from './world.ts'

const checkEveryMs = 500

/** The log thread as tasks of a world: it takes some of what has come when its turn comes, and what it says arrives later. */
export class WorldThread implements LogThread {
  readonly died: Promise<Error> = new Promise(() => {})
  readonly #world: World
  #server: LogServer | undefined
  #receive: ((message: FromThread) => void) | undefined
  #inbox: ToThread[] = []
  #isAwake = false

  constructor(world: World, storage: MemoryStorage, folder: string, options: WriterOptions) {
    this.#world = world
    world.post('log', 'the log opens', () => {
      try {
        this.#server = new LogServer(new LogWriter(storage, world.clock, folder, options), this.#send)
      } catch (error) {
        this.#send({ kind: 'refused', code: codeOf(error), message: messageOf(error) })
        return
      }
      const check = () => this.#server?.check()
      world.setTimer(check, checkEveryMs, 'program', checkEveryMs)
      this.#wake()
    })
  }

  post(message: ToThread): void {
    // Copied, as it is between threads.
    this.#inbox.push(copied(message))
    this.#wake()
  }

  onMessage(receive: (message: FromThread) => void): void {
    this.#receive = receive
  }

  end(): Promise<void> {
    this.#server = undefined
    return Promise.resolve()
  }

  readonly #send = (message: FromThread): void => {
    const copy = copied(message)
    const arrive = () => this.#receive?.(copy)
    this.#world.post('message', `log says ${message.kind}`, arrive, 'program', 'from log')
  }

  #wake(): void {
    if (this.#isAwake || this.#server === undefined || this.#inbox.length === 0) return
    this.#isAwake = true
    this.#world.post('log', 'log thread', () => {
      this.#isAwake = false
      // What has not arrived yet is taken next time.
      const taken = this.#inbox.splice(0, 1 + this.#world.below(this.#inbox.length))
      if (this.#server?.handle(taken) === false) this.#server = undefined
      this.#wake()
    })
  }
}
