import net from 'node:net'
import mqttPacket from 'mqtt-packet'

/** Ways to hold a place at a door without being a client. */
export const slowKinds = ['silent', 'dripping', 'vanished', 'half-open', 'handshake'] as const
export type SlowKind = (typeof slowKinds)[number]

export interface SlowPorts {
  readonly mqtt: number
  /** Without one there are no handshakes. */
  readonly tls?: number
}

/** A socket that waits to be closed by the server. */
export interface SlowSocket {
  readonly kind: SlowKind
  /** Milliseconds from the moment it was asked for to its end. */
  readonly closed: Promise<number>
}

const dripEveryMs = 250

/**
 * `silent` says nothing; `dripping` begins CONNECT and adds a byte now and then; `vanished` connects with a keep-alive of a second and is
 * heard of no more; `half-open` connects and finishes its side; `handshake` drips into a TLS handshake.
 */
export async function openSlowSocket(kind: SlowKind, ports: SlowPorts): Promise<SlowSocket> {
  const port = kind === 'handshake' ? ports.tls : ports.mqtt
  if (port === undefined) throw new Error('a handshake needs the port of the TLS door')
  const start = performance.now()
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: kind === 'half-open' })
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<number>()
  let drip: NodeJS.Timeout | undefined
  socket.on('connect', () => opened.resolve())
  socket.on('error', () => {}) // followed by 'close'
  socket.on('close', () => {
    clearInterval(drip)
    opened.reject(new Error(`a ${kind} socket was not let in`))
    closed.resolve(performance.now() - start)
  })
  socket.on('end', () => socket.end())
  socket.resume()
  await opened.promise
  if (kind === 'dripping') socket.write(Buffer.of(0x10, 0xff, 0xff, 0x02)) // CONNECT of 49,151 bytes
  if (kind === 'handshake') socket.write(Buffer.of(22, 3, 1, 0x40, 0, 1)) // ClientHello of 16 KiB
  if (kind === 'dripping' || kind === 'handshake')
    drip = setInterval(() => socket.write(Buffer.of(0)), dripEveryMs)
  if (kind === 'vanished' || kind === 'half-open')
    socket.write(mqttPacket.generate({ cmd: 'connect', clientId: '', clean: true, keepalive: 1 }))
  if (kind === 'half-open') socket.end()
  return { kind, closed: closed.promise }
}
