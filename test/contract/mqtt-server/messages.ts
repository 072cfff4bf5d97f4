import type { IPublishPacket } from 'mqtt-packet'

/** In rising order. */
export function qosOf(messages: readonly IPublishPacket[]): number[] {
  return messages.map(({ qos }) => qos).toSorted((a, b) => a - b)
}
