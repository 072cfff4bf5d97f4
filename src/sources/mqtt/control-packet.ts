import { generate, type Packet, parser, writeToStream } from 'mqtt-packet'
import type { ProtocolVersion } from './reason.ts'

// Else it keeps 65,536 two-byte buffers for the numbers of packets that are rare here.
writeToStream.cacheNumbers = false

/** The properties a client may send, by packet (MQTT 5 table 2-4). */
const permitted: Readonly<Record<string, ReadonlySet<string>>> = {
  connect: new Set([
    'sessionExpiryInterval',
    'authenticationMethod',
    'authenticationData',
    'requestProblemInformation',
    'requestResponseInformation',
    'receiveMaximum',
    'topicAliasMaximum',
    'userProperties',
    'maximumPacketSize',
  ]),
  subscribe: new Set(['subscriptionIdentifier', 'userProperties']),
  unsubscribe: new Set(['userProperties']),
  disconnect: new Set(['sessionExpiryInterval', 'reasonString', 'userProperties']),
}

/**
 * Reads one whole packet that is not a PUBLISH, or says what is wrong with it. `mqtt-packet` does the work and is lenient;
 * invalid UTF-8, properties that do not belong there and properties given twice are refused here.
 */
export function parseControl(bytes: Uint8Array, version: ProtocolVersion): Packet | string {
  // A copy: the packet's buffers are views of it, and the bytes given belong to a socket read.
  const copy = Buffer.from(bytes)
  let packet: Packet | undefined
  let fault: string | undefined
  const reader = parser({ protocolVersion: version })
  reader.on('packet', (parsed) => {
    packet = parsed
  })
  reader.on('error', (error: Error) => {
    fault ??= error.message
  })
  try {
    reader.parse(copy)
  } catch (error) {
    fault ??= error instanceof Error ? error.message : 'unreadable'
  }
  if (fault !== undefined) return fault
  if (packet === undefined) return 'the packet is incomplete'
  return propertyFault(packet) ?? textFault(packet, copy) ?? packet
}

function propertyFault(packet: Packet): string | undefined {
  const properties: unknown = 'properties' in packet ? packet.properties : undefined
  if (typeof properties !== 'object' || properties === null) return undefined
  for (const [name, value] of Object.entries(properties)) {
    if (permitted[packet.cmd]?.has(name) !== true) return `the property ${name} does not belong there`
    if (Array.isArray(value)) return `the property ${name} stands there twice`
    if (value === null || value === undefined || value === -1) return `the property ${name} is cut short`
  }
  return undefined
}

/** mqtt-packet turns invalid UTF-8 into U+FFFD; such a text then does not stand in the packet byte for byte. */
function textFault(packet: Packet, bytes: Buffer): string | undefined {
  for (const text of texts(packet)) {
    if (text.includes('\0')) return 'a text holds U+0000'
    if (text.includes('\ufffd') && !bytes.includes(text)) return 'a text is not UTF-8'
  }
  return undefined
}

function texts(packet: Packet): string[] {
  switch (packet.cmd) {
    case 'connect':
      return [packet.clientId, packet.username ?? '', packet.will?.topic ?? '']
    case 'subscribe':
      return packet.subscriptions.map((subscription) => subscription.topic)
    case 'unsubscribe':
      return packet.unsubscriptions
    default:
      return []
  }
}

export function write(packet: Packet, version: ProtocolVersion): Uint8Array {
  return generate(packet, { protocolVersion: version })
}

/** DISCONNECT from the server, which only MQTT 5 has. The reason string gives way to the client's Maximum Packet Size (MQTT-3.14.2-3). */
export function disconnectPacket(reasonCode: number, why: string, maxBytes: number): Uint8Array {
  const packet = write({ cmd: 'disconnect', reasonCode, properties: { reasonString: why } }, 5)
  return packet.length > maxBytes ? write({ cmd: 'disconnect', reasonCode }, 5) : packet
}

export const pingResponse = Uint8Array.of(0xd0, 0)
