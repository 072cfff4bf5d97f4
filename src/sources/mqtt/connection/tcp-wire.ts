import type { Socket } from 'node:net'
import type { ClientCertificate, Wire, WireListener } from './wire.ts'

/** How long a peer may stay connected after we have finished. */
const lingerMs = 1000
const keepAliveProbeMs = 60_000

/** A TCP or TLS socket as a wire. The server must allow half-open sockets, so that acknowledgements can follow a peer's FIN. */
export function tcpWire(
  socket: Socket,
  listen: (wire: Wire) => WireListener,
  certificate?: ClientCertificate,
): void {
  let ending = false
  const wire: Wire = {
    remoteAddress: socket.remoteAddress ?? '',
    ...(certificate === undefined ? {} : { certificate }),
    write(bytes, done) {
      socket.write(bytes, (error) => {
        if (error === undefined || error === null) done()
      })
    },
    pause() {
      socket.pause()
    },
    resume() {
      socket.resume()
    },
    end() {
      if (ending) return
      ending = true
      // Input is read and dropped: closing with unread bytes would send RST, and the peer would lose our last words.
      socket.removeAllListeners('data')
      socket.resume()
      socket.end()
      setTimeout(() => socket.destroy(), lingerMs).unref()
    },
    destroy() {
      socket.destroy()
    },
  }
  const listener = listen(wire)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveProbeMs)
  socket.on('data', (bytes: Uint8Array) => listener.received(bytes))
  socket.on('end', () => listener.ended())
  socket.on('error', () => undefined) // always followed by 'close'
  socket.on('close', () => listener.closed())
}
