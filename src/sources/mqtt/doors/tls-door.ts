import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { Connection } from '../connection/connection.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { tcpWire } from '../connection/tcp-wire.ts'
import type { ClientCertificate } from '../connection/wire.ts'
import { CertificateFiles } from './certificates.ts'
import { type Listener, openListener } from './listener.ts'
import type { HandshakePlace, Reception } from './reception.ts'

/** The TLS door. A client has until its deadline for the handshake, and then as long as any other for CONNECT. */
export interface TlsDoor extends Listener {
  /** Ends the handshakes that have taken too long. */
  sweep(nowMs: number): void
}

/** A handshake under way. */
interface Handshake {
  readonly socket: Socket
  readonly remoteAddress: string
  readonly place: HandshakePlace
  readonly untilMs: number
}

/** MQTT over TLS, on a port of its own. */
export async function openTlsDoor(gateway: GatewayContext, reception: Reception): Promise<TlsDoor> {
  const { config, clock, counters, log } = gateway
  const { host, port, clientCertificates, handshakeTimeoutMs } = config.tls
  const files = new CertificateFiles(config.tls, log)
  const handshakes = new Map<string, Handshake>()
  const isAsked = clientCertificates !== 'none'
  // It listens nowhere: sockets are given to it once they are admitted. Whom it trusts is judged here, so that the reason can be told.
  const tls = createServer({ ...(await files.read()), requestCert: isAsked, rejectUnauthorized: false })

  function begin(socket: Socket): void {
    const remoteAddress = socket.remoteAddress ?? ''
    const place = reception.admitHandshake(remoteAddress)
    if (place === undefined) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    const untilMs = clock.monotonicMs() + handshakeTimeoutMs
    handshakes.set(key, { socket, remoteAddress, place, untilMs })
    socket.on('error', () => undefined) // always followed by 'close'
    socket.on('close', () => fail(key, 'the peer has gone away'))
    socket.allowHalfOpen = false // who goes away in the handshake has nothing to wait for
    tls.emit('connection', socket)
  }

  tls.on('secureConnection', (socket) => {
    const handshake = handshakes.get(keyOf(socket))
    if (handshake === undefined) {
      socket.destroy()
      return
    }
    const { certificate, why } = judge(socket, clientCertificates)
    if (why !== undefined) {
      fail(keyOf(socket), why)
      return
    }
    handshakes.delete(keyOf(socket))
    handshake.place.end()
    socket.allowHalfOpen = true
    if (certificate !== undefined)
      log.debug(
        { address: handshake.remoteAddress, ...certificate },
        'mqtt: a client has shown its certificate',
      )
    tcpWire(socket, (wire) => new Connection(gateway, wire), certificate)
  })
  tls.on('tlsClientError', (error, socket) => {
    fail(keyOf(socket), error.message)
    socket.destroy()
  })

  function fail(key: string, why: string): void {
    const handshake = handshakes.get(key)
    if (handshake === undefined) return
    handshakes.delete(key)
    const { place, socket, remoteAddress: address } = handshake
    place.end()
    counters.handshakesFailed++
    // Told once per address: a broken device must not fill the operator's log.
    const level = place.address.failedHandshakes++ === 0 ? 'warn' : 'debug'
    log[level]({ address }, `mqtt: a TLS handshake has failed: ${why}`)
    socket.destroy()
  }

  const listener = await openListener({ host, port, key: 'mqtt.tls' }, log, begin)
  const unwatch = files.watch((certificates) => tls.setSecureContext(certificates))
  return {
    address: listener.address,
    sweep(nowMs) {
      for (const [key, { untilMs }] of handshakes) {
        if (nowMs > untilMs) fail(key, `it took longer than ${handshakeTimeoutMs} ms`)
      }
    },
    close() {
      unwatch()
      for (const { socket } of handshakes.values()) socket.destroy()
      return listener.close()
    },
  }
}

/** Names a connection while it lasts: the TLS socket and the one below it have these in common. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}

/** Who the peer has proved to be, or why it may not come in. */
function judge(
  socket: TLSSocket,
  asked: 'none' | 'optional' | 'required',
): { readonly certificate?: ClientCertificate; readonly why?: string } {
  if (asked === 'none') return {}
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) {
    return asked === 'required' ? { why: 'the client has shown no certificate' } : {}
  }
  const { subject, fingerprint256: fingerprint } = shown
  // `authorizationError` is an Error by its type, and the error's code in fact.
  if (!socket.authorized)
    return { why: `its certificate is not trusted: ${String(socket.authorizationError)}` }
  const names: unknown = shown.toLegacyObject().subject?.CN // a list where there are several
  return {
    certificate: { subject, commonName: typeof names === 'string' ? names : undefined, fingerprint },
  }
}
