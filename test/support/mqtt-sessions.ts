import type { IPublishPacket } from 'mqtt-packet'
import { type PacketOf, RawMqttClient } from './raw-mqtt-client.ts'

export type ConnectOptions = Partial<PacketOf<'connect'>>

/** Asks for a session that lives on, for so many seconds where the version can say it. */
export function lasting(version: 4 | 5, clientId: string, seconds = 600): ConnectOptions {
  const properties = version === 5 ? { properties: { sessionExpiryInterval: seconds } } : {}
  return { clientId, clean: false, ...properties }
}

/** A client that answers everything that it is sent, from the first message on. */
export async function answering(
  port: number,
  version: 4 | 5,
  connect: ConnectOptions = {},
): Promise<RawMqttClient> {
  const client = await RawMqttClient.open(port, version)
  client.answers = true
  await client.enter(connect)
  return client
}

export function textOf({ payload }: IPublishPacket): string {
  return payload.toString()
}

export function textsOf(messages: readonly IPublishPacket[]): string[] {
  return messages.map(textOf)
}
