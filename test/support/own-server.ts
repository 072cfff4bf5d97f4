import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { dataOf, runningPid, startServer, stopServer, variablesOf } from '../../scripts/service/servers.ts'
import { type Server, serviceTable } from '../../scripts/service/table.ts'
import { freePort } from '../../src/prove/free-port.ts'

/** A server of a test's own, on free ports and with a new data folder: it may be stopped, killed and started again. */
export class OwnServer {
  readonly #server: Server
  readonly #home: string
  readonly #orphan = (): void => this.#killNow()

  private constructor(server: Server, home: string) {
    this.#server = server
    this.#home = home
    process.once('exit', this.#orphan) // a test that dies leaves nothing behind
  }

  /**
   * `name` as in scripts/service/table.ts; the test says `needsToStart(name)` first. `change` makes another server of it, such as one that
   * asks for a password.
   */
  static async start(name: string, change = (server: Server): Server => server): Promise<OwnServer> {
    const listed = serviceTable.servers.find((server) => server.name === name)
    if (listed === undefined) throw new Error(`scripts/service/table.ts has no ${name}`)
    const shared = change(listed)
    const ports: Record<string, number> = {}
    for (const use of Object.keys(shared.ports)) ports[use] = await freePort()
    const own = new OwnServer({ ...shared, ports }, mkdtempSync(path.join(tmpdir(), `sluice-own-${name}-`)))
    try {
      await own.start()
    } catch (error) {
      await own[Symbol.asyncDispose]()
      throw error
    }
    return own
  }

  /** As the shared server's, such as `TEST_MOSQUITTO_URL`; they stay the same over a restart. */
  variable(name: string): string {
    const value = variablesOf(this.#server, this.#home)[name]
    if (value === undefined) throw new Error(`${this.#server.name} has no variable ${name}`)
    return value
  }

  port(use: string): number {
    const port = this.#server.ports[use]
    if (port === undefined) throw new Error(`${this.#server.name} has no port for ${use}`)
    return port
  }

  /** Of its own process; undefined while it is down. */
  get pid(): number | undefined {
    return runningPid(this.#server, this.#home)
  }

  get running(): boolean {
    return this.pid !== undefined
  }

  /** Starts it on its data again, and returns when it answers. */
  start(): Promise<void> {
    return startServer(this.#server, this.#home)
  }

  /** Asks it to end, and returns when it has. */
  stop(): Promise<void> {
    return stopServer(this.#server, this.#home)
  }

  /** kill -9. */
  kill(): Promise<void> {
    return stopServer(this.#server, this.#home, 'SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    process.off('exit', this.#orphan)
    rmSync(this.#home, { recursive: true, force: true })
  }

  #killNow(): void {
    const pid = runningPid(this.#server, this.#home)
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    this.#server.afterEnd?.(dataOf(this.#server, this.#home), this.#server.ports)
  }
}
