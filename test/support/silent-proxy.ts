import net, { type AddressInfo } from 'node:net'
import { once } from 'node:events'

/** Stands between a client and a server on loopback, and can go silent as a network does: nobody is told. */
export class SilentProxy implements AsyncDisposable {
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #isSilent = false

  private constructor(to: number) {
    this.#server = net.createServer((near) => {
      const far = net.connect({ port: to, host: '127.0.0.1' })
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.on('data', (bytes) => {
          if (!this.#isSilent) into.write(bytes)
        })
        from.on('error', () => undefined)
        from.on('close', () => {
          this.#sockets.delete(from)
          into.destroy()
        })
      }
    })
  }

  static async before(port: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(port)
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port // as: it listens on TCP
  }

  /** Nothing passes any more, and the connections stay. */
  silence(): void {
    this.#isSilent = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close')
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
