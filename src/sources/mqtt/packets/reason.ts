import { errorTable, SluiceError } from '../../../core/errors.ts'

/** MQTT 5 reason codes (§2.4) that this gateway sends. */
export const reason = {
  normal: 0x00,
  disconnectWithWill: 0x04,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdNotValid: 0x85,
  notAuthorized: 0x87,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
} as const

/** CONNACK return codes of MQTT 3.1.1 (§3.2.2.3). */
export const returnCode = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  notAuthorized: 5,
} as const

/** 4 is MQTT 3.1.1, 5 is MQTT 5: the protocol level byte of CONNECT. */
export type ProtocolVersion = 4 | 5

/** The reason code of a failure. */
export function reasonOf(error: unknown): number {
  return error instanceof SluiceError ? errorTable[error.code].mqtt : reason.unspecified
}
