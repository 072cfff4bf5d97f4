/** Packet ids whose state stands in one record: what one of them costs on disk when it changes is bounded by it. */
export const blockIds = 128

export function blockOf(packetId: number): number {
  return Math.floor(packetId / blockIds)
}
