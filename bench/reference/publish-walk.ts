// hot: bench/mqtt-to-log
import net from 'node:net'

/** Takes one message: the topic is bytes[topicFrom, topicTo), the payload bytes[topicTo + 2, to). */
export type TakeMessage = (bytes: Uint8Array, topicFrom: number, topicTo: number, to: number) => void

/** A connection and the PUBACKs it will get: those of the open commit, and those of the commit being synced. */
export class Peer {
  readonly socket: net.Socket
  #open: Buffer = Buffer.allocUnsafe(64 * 1024)
  #openLength = 0
  #syncing: Buffer = Buffer.allocUnsafe(64 * 1024)
  #syncingLength = 0
  /** The start of a packet whose end has not come yet. */
  rest: Buffer | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
  }

  owe(idHigh: number, idLow: number): void {
    if (this.#openLength + 4 > this.#open.length) {
      const larger = Buffer.allocUnsafe(this.#open.length * 2)
      larger.set(this.#open)
      this.#open = larger
    }
    const open = this.#open
    const at = this.#openLength
    open[at] = 0x40
    open[at + 1] = 2
    open[at + 2] = idHigh
    open[at + 3] = idLow
    this.#openLength = at + 4
  }

  /** The open commit goes to the disk. */
  seal(): void {
    const syncing = this.#syncing
    this.#syncing = this.#open
    this.#syncingLength = this.#openLength
    this.#open = syncing
    this.#openLength = 0
  }

  /** The commit is on disk. */
  acknowledge(): void {
    if (this.#syncingLength === 0) return
    if (!this.socket.destroyed) this.socket.write(Buffer.from(this.#syncing.subarray(0, this.#syncingLength)))
    this.#syncingLength = 0
  }
}

/**
 * An MQTT server that understands CONNECT (accepted unread) and PUBLISH of QoS 1, and nothing else: every packet of a socket read is
 * walked in place. `onRead` is called after each read with the whole packets it brought.
 */
export function listen(
  peers: Set<Peer>,
  take: TakeMessage,
  onRead: (bytes: Uint8Array) => void,
): Promise<net.Server> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const peer = new Peer(socket)
    peers.add(peer)
    socket.on('data', (bytes) => {
      if (typeof bytes === 'string') return // never: no encoding is set
      let all: Buffer = bytes
      if (peer.rest !== undefined) {
        all = Buffer.concat([peer.rest, bytes])
        peer.rest = undefined
      }
      const at = walk(peer, all, take)
      if (at < all.length) peer.rest = all.subarray(at)
      onRead(at < all.length ? all.subarray(0, at) : all)
    })
    socket.on('error', () => {})
    socket.on('close', () => peers.delete(peer))
  })
  const listening = Promise.withResolvers<net.Server>()
  server.on('error', listening.reject)
  server.listen(0, '127.0.0.1', () => listening.resolve(server))
  return listening.promise
}

/** Returns where the first incomplete packet starts. */
function walk(peer: Peer, bytes: Buffer, take: TakeMessage): number {
  const length = bytes.length
  let at = 0
  while (at + 2 <= length) {
    const first = bytes[at] as number
    let body = at + 1
    let digit = bytes[body++] as number
    let size = digit & 0x7f
    for (let shift = 7; digit > 0x7f; shift += 7) {
      if (body === length) return at
      digit = bytes[body++] as number
      size |= (digit & 0x7f) << shift
    }
    const to = body + size
    if (to > length) return at
    if (first === 0x32) {
      const topicTo = body + 2 + (((bytes[body] as number) << 8) | (bytes[body + 1] as number))
      take(bytes, body + 2, topicTo, to)
      peer.owe(bytes[topicTo] as number, bytes[topicTo + 1] as number)
    } else if (first === 0x10) peer.socket.write(Buffer.from([0x20, 2, 0, 0]))
    else if (first === 0xe0) peer.socket.end()
    else {
      peer.socket.destroy()
      return length
    }
    at = to
  }
  return at
}
