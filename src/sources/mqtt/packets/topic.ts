import { isMqttText } from './utf8.ts'

/**
 * What is wrong with the topic of a PUBLISH, or undefined. `malformed`: no MQTT text. `invalid`: a topic that can never be
 * published to. `too-long`: a topic that Sluice does not take.
 */
export function topicFault(
  bytes: Uint8Array,
  from: number,
  to: number,
  maxBytes: number,
): 'malformed' | 'empty' | 'invalid' | 'too-long' | undefined {
  if (!isMqttText(bytes, from, to)) return 'malformed'
  if (from === to) return 'empty' // MQTT-4.7.3-1; an alias, which would allow it, was refused before
  for (let i = from; i < to; i++) if (bytes[i] === 0x2b || bytes[i] === 0x23) return 'invalid' // MQTT-3.3.2-2
  return to - from > maxBytes ? 'too-long' : undefined
}

/** Whether a text is a topic filter (MQTT 5 §4.7.1): `#` last and alone in its level, `+` alone in its level. */
export function isTopicFilter(filter: string, maxBytes: number): boolean {
  if (filter === '' || filter.includes('\0') || Buffer.byteLength(filter) > maxBytes) return false
  const levels = filter.split('/')
  return levels.every((level, i) => {
    if (level.includes('#')) return level === '#' && i === levels.length - 1
    return !level.includes('+') || level === '+'
  })
}

/** Whether a filter asks for a shared subscription (MQTT 5 §4.8.2). */
export function isShared(filter: string): boolean {
  return filter === '$share' || filter.startsWith('$share/')
}
