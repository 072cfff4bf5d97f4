import net from 'node:net'
import mqttPacket from 'mqtt-packet'

const pingRequest = Buffer.of(0xc0, 0)

/** An MQTT 3.1.1 client that connects and then says nothing unless it is asked to ping. */
export class IdleClient {
  isClosed = false
  readonly #socket: net.Socket
  #answered: (isAlive: boolean) => void = () => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', () => this.#answered(true))
    socket.on('error', () => {}) // followed by 'close'
    socket.on('close', () => {
      this.isClosed = true
      this.#answered(false)
    })
  }

  /** Resolves with its CONNACK read. */
  static async connect(port: number): Promise<IdleClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new IdleClient(socket)
    socket.write(mqttPacket.generate({ cmd: 'connect', clientId: '', clean: true, keepalive: 0 }))
    if (!(await client.#answer())) throw new Error('a connection was not let in')
    return client
  }

  /** Microseconds until the answer; undefined if the connection is gone. */
  async ping(): Promise<number | undefined> {
    if (this.isClosed) return undefined
    const start = performance.now()
    this.#socket.write(pingRequest)
    return (await this.#answer()) ? (performance.now() - start) * 1000 : undefined
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #answer(): Promise<boolean> {
    return new Promise((resolve) => (this.#answered = resolve))
  }
}
