import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { AnswerGate } from './answer-gate.ts'

/** A reader that takes nothing for this long is gone, whatever its socket says. */
export const stallMs = 30_000

/** Aborts when the caller goes away before it has the whole answer. */
export function callerSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  return gone.signal
}

/**
 * Sends an answer piece by piece, as fast as the caller reads. What fails before the first piece is answered as an error; later the
 * connection is cut, so that nobody takes a part for the whole. Pieces are small: between them the event loop turns.
 */
export async function sendPieces(
  reply: FastifyReply,
  contentType: string,
  pieces: AsyncGenerator<string>,
  gate: AnswerGate,
): Promise<FastifyReply> {
  gate.enter()
  let first: IteratorResult<string, unknown>
  try {
    first = await pieces.next()
  } catch (error) {
    gate.leave()
    throw error
  }
  const stream = Readable.from(pace(first, pieces, reply), { objectMode: false })
  // Whether it was read to its end, failed, or was never begun.
  stream.once('close', () => {
    gate.leave()
    pieces.return(undefined).catch(() => {})
  })
  return reply.header('content-type', contentType).send(stream)
}

async function* pace(
  first: IteratorResult<string, unknown>,
  pieces: AsyncGenerator<string>,
  reply: FastifyReply,
): AsyncGenerator<string> {
  for (let piece = first; piece.done !== true; piece = await pieces.next()) {
    const stalled = setTimeout(() => reply.raw.destroy(), stallMs)
    try {
      yield piece.value
    } finally {
      clearTimeout(stalled)
    }
    await nextTurn()
  }
}
