import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

const restartMs = 500
const firstSubscribeMs = 20_000

/** A subscriber's script under a supervisor that starts it again whenever it ends, as systemd with `Restart=always`. */
export class SubscriberProcess {
  restarts = 0
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #isStopping = false
  #downMs = restartMs
  #output = ''
  readonly #subscribed = Promise.withResolvers<void>()
  readonly #running: Promise<void>

  private constructor(script: string, url: string, file: string) {
    this.#args = [path.join(import.meta.dirname, script), url, file]
    this.#running = this.#supervise()
  }

  /** Resolves when it has subscribed. */
  static async start(script: string, url: string, file: string): Promise<SubscriberProcess> {
    const subscriber = new SubscriberProcess(script, url, file)
    const late = setTimeout(firstSubscribeMs, undefined, { ref: false }).then(() => {
      throw new Error(`${script} did not subscribe:\n${subscriber.#output}`)
    })
    await Promise.race([subscriber.#subscribed.promise, late])
    return subscriber
  }

  /** Ends it so; it is started again after a time. Resolves when it has ended. */
  async hit(signal: NodeJS.Signals, downMs: number): Promise<void> {
    const child = this.#child
    if (child?.exitCode !== null || child.signalCode !== null) return // between two lives
    this.#downMs = downMs
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#child?.kill('SIGKILL')
    await this.#running
  }

  async #supervise(): Promise<void> {
    while (!this.#isStopping) {
      const child = spawn(process.execPath, [...this.#args], { stdio: ['ignore', 'pipe', 'pipe'] })
      this.#child = child
      const orphan = (): void => void child.kill('SIGKILL')
      process.once('exit', orphan)
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          this.#output = (this.#output + text).slice(-10_000)
          if (text.includes('subscribed')) this.#subscribed.resolve()
        })
      await once(child, 'close')
      process.off('exit', orphan)
      if (this.#isStopping) return
      this.restarts++
      await setTimeout(this.#downMs)
      this.#downMs = restartMs
    }
  }
}
