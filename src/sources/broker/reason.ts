import { SourceFailure } from '../../core/source.ts'

/** What a broker says with these codes cannot change by itself (MQTT 5 §2.4). */
const lasting: Readonly<Record<number, string>> = {
  0x84: 'it does not speak this version of MQTT (version)',
  0x85: 'it does not take the client id (clientIdPrefix)',
  0x86: 'user or password is wrong (user, password)',
  0x87: 'this user may not do that, or its password is wrong (user, password)',
  0x8a: 'this client is banned',
  0x8c: 'it asks for another kind of authentication',
  0x8e: 'another client came with the same client id; does a Sluice run on a copy of this data folder?',
  0x8f: 'the filter is not valid',
  0x9d: 'it has moved to another server',
  0x9e: 'it has no shared subscriptions',
  0xa2: 'it has no wildcard subscriptions',
}

const passing: Readonly<Record<number, string>> = {
  0x80: 'it names no reason',
  0x81: 'it holds a packet of ours for malformed',
  0x82: 'it holds a packet of ours for a breach of the protocol',
  0x83: 'it has a reason of its own',
  0x88: 'it is not available',
  0x89: 'it is busy',
  0x8b: 'it is shutting down',
  0x8d: 'it has heard nothing from us for too long',
  0x97: 'a quota is used up',
  0x98: 'an administrator has ended the connection',
  0x9c: 'another server is to be used for a while',
  0x9f: 'connections come too fast',
}

/** The return codes of MQTT 3.1.1 (§3.2.2.3) as reason codes of MQTT 5. */
const ofVersion311: Readonly<Record<number, number>> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87 }

/** What the broker has said with a reason code, behind `what` happened. */
export function brokerFailure(what: string, code: number, text: string | undefined): SourceFailure {
  const why = lasting[code] ?? passing[code] ?? 'it names a reason that is not known here'
  const said = text === undefined || text === '' ? '' : `; it says: ${text.slice(0, 200)}`
  const message = `${what}: ${why} (0x${code.toString(16)})${said}`
  return new SourceFailure(lasting[code] === undefined ? 'retry' : 'stop', message)
}

/** A broker that knows no MQTT 5 refuses it with a code of 3.1.1. */
export function connackReason(code: number): number {
  return ofVersion311[code] ?? code
}
