import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { SluiceError } from '../../core/errors.ts'

/** Bytes of the body that the sender announced, undefined where it did not. */
export function announcedBytes(message: IncomingMessage): number | undefined {
  const header = message.headers['content-length']
  return header === undefined ? undefined : Number(header)
}

/**
 * The whole body as it came. A body that is refused is read to its end by the server and thrown away, so that its sender hears why.
 * @throws SluiceError `too-large` beyond `maxBytes`, `bad-request` if the sender stops half-way.
 */
export function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let received = 0
    const leave = () => {
      message.off('data', onData)
      message.off('end', onEnd)
      message.off('error', onCut)
      message.off('close', onCut)
    }
    const fail = (error: SluiceError) => {
      leave()
      message.resume()
      reject(error)
    }
    const onData = (part: Buffer) => {
      received += part.length
      if (received > maxBytes) fail(bodyTooLarge(maxBytes))
      else parts.push(part)
    }
    const onEnd = () => {
      leave()
      const [first] = parts
      resolve(first !== undefined && parts.length === 1 ? first : Buffer.concat(parts, received))
    }
    const onCut = () =>
      fail(new SluiceError('bad-request', 'the connection closed before the body was whole'))
    message.on('data', onData)
    message.once('end', onEnd)
    message.once('error', onCut)
    message.once('close', onCut)
  })
}

/** How a body is packed. */
export type Packing = 'gzip' | 'zstd'

/**
 * The content of a packed body.
 * @throws SluiceError `too-large` as soon as it grows beyond `maxBytes`, `undecodable` if it is damaged.
 */
export async function unpack(bytes: Uint8Array, packing: Packing, maxBytes: number): Promise<Uint8Array> {
  const options = { maxOutputLength: maxBytes, chunkSize }
  try {
    return packing === 'gzip'
      ? await gunzip(bytes, options)
      : await unzstd(bytes, { ...options, params: zstdBounds })
  } catch (error) {
    const cause = error instanceof Error && 'code' in error ? error.code : undefined
    if (cause === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge(maxBytes)
    if (cause === 'ZSTD_error_frameParameter_windowTooLarge')
      throw new SluiceError(
        'too-large',
        `the window of the zstd body is larger than ${2 ** zstdWindowLog} bytes`,
      )
    const reason = error instanceof Error ? error.message : String(error)
    throw new SluiceError('undecodable', `the body is not ${packing}, or not whole: ${reason}`)
  }
}

export function bodyTooLarge(maxBytes: number): SluiceError {
  return new SluiceError('too-large', `the body is larger than limits.batchBytes, ${maxBytes} bytes`)
}

const gunzip = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip)
const unzstd = promisify<zlib.InputType, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress)
const chunkSize = 256 * 1024
/** RFC 8878 §3.1.1.1.2 asks decoders for windows of 8 MiB and lets them refuse larger ones. */
const zstdWindowLog = 23
const zstdBounds = { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLog }
