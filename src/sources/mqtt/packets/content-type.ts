/**
 * The content type among the checked properties of a PUBLISH (MQTT 5 §3.3.2.3.9), undefined if it has none. `from` is the properties' length, `to` their end.
 */
export function contentTypeOf(bytes: Uint8Array, from: number, to: number): string | undefined {
  let at = from
  while (at < to && (bytes[at] as number) > 127) at++
  at++
  while (at < to) {
    const id = bytes[at++]
    switch (id) {
      case payloadFormat:
        at += 1
        break
      case messageExpiry:
        at += 4
        break
      case topicAlias:
        at += 2
        break
      case contentType:
        return decoder.decode(bytes.subarray(at + 2, blockEnd(bytes, at)))
      case userProperty:
        at = blockEnd(bytes, blockEnd(bytes, at))
        break
      default: // response topic, correlation data
        at = blockEnd(bytes, at)
    }
  }
  return undefined
}

const payloadFormat = 0x01
const messageExpiry = 0x02
const contentType = 0x03
const topicAlias = 0x23
const userProperty = 0x26

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** End of the block at `at`, which has its length in two bytes before it. */
function blockEnd(bytes: Uint8Array, at: number): number {
  return at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
}
