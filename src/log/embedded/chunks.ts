import type { StorageFile } from '../../lib/storage.ts'

export const chunkBytes = 1 << 20

/** A part of a file, piece by piece; each piece is valid until the next is asked for. `at` counts from the begin of the part. */
export function* chunksOf(
  from: StorageFile,
  offset: number,
  length: number,
): Generator<{ readonly at: number; readonly bytes: Uint8Array }> {
  const chunk = new Uint8Array(Math.min(chunkBytes, length))
  for (let at = 0; at < length; ) {
    const read = from.read(chunk.subarray(0, Math.min(chunk.length, length - at)), offset + at)
    if (read === 0) return
    yield { at, bytes: chunk.subarray(0, read) }
    at += read
  }
}
