import type { IPublishPacket } from 'mqtt-packet'

export const textOf = ({ payload }: IPublishPacket): string => payload.toString()

/** In rising order. */
export function qosOf(messages: readonly IPublishPacket[]): number[] {
  return messages.map(({ qos }) => qos).toSorted((a, b) => a - b)
}
