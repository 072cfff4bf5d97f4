import { generate, type Packet, parser, writeToStream } from 'mqtt-packet'
import { controlFault, type PacketFault } from './control-check.ts'
import { type ProtocolVersion, reason } from './reason.ts'

// Else it keeps 65,536 two-byte buffers for the numbers of packets that are rare here.
writeToStream.cacheNumbers = false

/**
 * Reads one whole packet that is not a PUBLISH, or says what is wrong with it. `mqtt-packet` does the work and is lenient: what the
 * standard forbids is refused before.
 */
export function parseControl(bytes: Uint8Array, version: ProtocolVersion): Packet | PacketFault {
  const fault = controlFault(bytes, version)
  if (fault !== undefined) return fault
  let packet: Packet | undefined
  let why = 'the packet cannot be read'
  const reader = parser({ protocolVersion: version })
  reader.on('packet', (parsed) => {
    packet = parsed
  })
  reader.on('error', (error: Error) => {
    why = error.message
  })
  try {
    // A copy: the packet's buffers are views of it, and the bytes given belong to a socket read.
    reader.parse(Buffer.from(bytes))
  } catch (error) {
    why = String(error)
  }
  return packet ?? { reasonCode: reason.malformedPacket, why }
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
