import type { Readable } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { AssemblyBudget, BudgetHolder } from '../connection/assembly-budget.ts'
import type { Wire, WireListener } from '../connection/wire.ts'

/** RFC 6455 §7.4.1. */
const closeCodes = { normal: 1000, unsupportedData: 1003, policyViolation: 1008, tooBig: 1009 } as const

/** How long a peer may stay connected after we have finished. */
const lingerMs = 1_000
/** A ping is answered as long as no more waits for the peer. */
const pongBelowBytes = 64 * 1024
/** A control frame of a client, without its data. */
const controlBytes = 6

export interface FrameBounds {
  /** A frame that begins before we have said anything, which is CONNACK, may be no larger. */
  readonly beforeConnackBytes: number
  /** Takes what `ws` holds of unfinished frames. */
  readonly budget: AssemblyBudget
}

/**
 * A WebSocket as a wire: packets in binary frames, which may hold parts of packets or several (MQTT 5 §6.0). `stream` is the
 * connection below it; `fault` hears why the socket is ended from here, or by `ws`.
 */
export function webSocketWire(
  socket: WebSocket,
  stream: Readable,
  remoteAddress: string,
  bounds: FrameBounds,
  listen: (wire: Wire) => WireListener,
  fault: (why: string) => void,
): void {
  let isEnding = false
  let hasWritten = false
  const frame = new UnfinishedFrame(bounds.budget, () =>
    refuse(closeCodes.policyViolation, 'too many large frames are under way'),
  )
  /** Frames of the bytes in hand. */
  let parts: Uint8Array[] = []

  function end(code: number, why = ''): void {
    if (isEnding) return
    isEnding = true
    // The answer of the peer to our close stands behind what it has sent meanwhile.
    socket.resume()
    socket.close(code, why)
    setTimeout(() => socket.terminate(), lingerMs).unref()
  }
  function refuse(code: number, why: string): void {
    if (isEnding) return
    fault(why)
    end(code, why)
  }

  const wire: Wire = {
    remoteAddress,
    unfinishedFrame: () => frame.unfinished,
    write(bytes, done) {
      hasWritten = true
      socket.send(bytes, { binary: true }, (error) => {
        if (error === undefined || error === null) done()
      })
    },
    pause() {
      socket.pause()
    },
    resume() {
      socket.resume()
    },
    end: () => end(closeCodes.normal),
    destroy: () => socket.terminate(),
  }
  const listener = listen(wire)

  /** What came in one read is handed on as one: one commit and one write of acknowledgements, as over TCP. */
  function handOn(): void {
    const [first] = parts
    if (first === undefined) return
    const bytes = parts.length === 1 ? first : Buffer.concat(parts)
    parts = []
    if (!isEnding) listener.received(bytes)
  }
  socket.on('message', (data, isBinary) => {
    frame.finished()
    if (isEnding) return
    if (isBinary) parts.push(bytesOf(data))
    else refuse(closeCodes.unsupportedData, 'binary frames only')
  })
  socket.on('ping', (data) => {
    frame.passed(controlBytes + data.length)
    if (socket.readyState === socket.OPEN && socket.bufferedAmount < pongBelowBytes) socket.pong(data)
  })
  socket.on('pong', (data) => frame.passed(controlBytes + data.length))
  // Behind the listener of `ws`: what was whole in these bytes has come as frames.
  stream.on('data', (bytes: Buffer) => {
    handOn()
    if (socket.readyState !== socket.OPEN) {
      // The peer has closed, or `ws` has: what still comes is passed over.
      frame.clear()
      end(closeCodes.normal)
      return
    }
    frame.received(bytes.length)
    if (!hasWritten && frame.bytes > bounds.beforeConnackBytes)
      refuse(closeCodes.tooBig, 'the frame is too large before CONNACK')
    else bounds.budget.makeRoom()
  })
  socket.on('error', (error) => {
    // `ws` has told the peer by its close.
    if (!isEnding) fault(error.message)
    end(closeCodes.normal)
  })
  socket.on('close', () => {
    handOn()
    frame.clear()
    listener.closed()
  })
}

/** Bytes that `ws` keeps until a frame is whole. What stands behind the end of another frame in one read is not counted. */
class UnfinishedFrame implements BudgetHolder {
  readonly #budget: AssemblyBudget
  readonly giveUp: () => void
  #bytes = 0
  #number = 0
  #hasFinished = false

  constructor(budget: AssemblyBudget, giveUp: () => void) {
    this.#budget = budget
    this.giveUp = giveUp
  }

  get bytes(): number {
    return this.#bytes
  }

  get unfinished(): number {
    return this.#bytes > 0 ? this.#number : 0
  }

  finished(): void {
    this.#hasFinished = true
  }

  /** So many bytes were of control frames, which may stand between the pieces of another. */
  passed(bytes: number): void {
    this.#bytes -= bytes
  }

  /** A read has been looked at. */
  received(bytes: number): void {
    if (this.#bytes === 0 || this.#hasFinished) this.#number++
    this.#bytes = this.#hasFinished ? 0 : Math.max(0, this.#bytes + bytes)
    this.#hasFinished = false
    this.#budget.hold(this, this.#bytes)
  }

  clear(): void {
    this.#bytes = 0
    this.#budget.hold(this, 0)
  }
}

/** A binary frame; `ws` gives it in one of three forms of bytes. */
function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : new Uint8Array(data)
}
