import { InvalidArgumentError } from 'commander'

/** A number for an option, or commander's own complaint. */
export function positive(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

/** Rows a second. */
export function rowsASecond(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 1) throw new InvalidArgumentError('Expected a number of at least 1.')
  return value
}

/** A number above 0 of samples a second: all of a second are one message. */
export function hertz(text: string): number {
  const value = positive(text)
  if (value > maxHertz) throw new InvalidArgumentError(`Expected at most ${maxHertz}.`)
  return value
}
const maxHertz = 1_000_000

/** More than that is a slip of the finger, and would be built in memory before anything is sent. */
const maxCount = 1_000_000

/** Devices of a kind: there may be none. */
export function count(text: string): number {
  return whole(text, 0, maxCount)
}

/** What there must be some of. */
export function some(text: string): number {
  return whole(text, 1, maxCount)
}

/** The begin of chance. */
export function seed(text: string): number {
  return whole(text, 0, 2 ** 32)
}

function whole(text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  return value
}

/** Any number. */
export function finite(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** Where a running Sluice is asked. */
export function httpUrl(text: string): string {
  return url(text, ['http', 'https'], 'http://127.0.0.1:8080')
}

/** Where a fleet sends. */
export function doorUrl(text: string): string {
  return url(
    text,
    ['mqtt', 'mqtts', 'ws', 'wss', 'http', 'https'],
    'mqtt://127.0.0.1:1883, ws://127.0.0.1:8080/mqtt or http://127.0.0.1:8080',
  )
}

function url(text: string, schemes: readonly string[], example: string): string {
  const parsed = URL.parse(text)
  if (parsed === null || parsed.host === '' || !schemes.includes(parsed.protocol.slice(0, -1)))
    throw new InvalidArgumentError(`Expected an address such as ${example}.`)
  return text
}

/** How device ids begin. They are levels of MQTT topics, in which wildcards may not stand. */
export function prefix(text: string): string {
  if (!/^[^+#/\s\p{C}]{1,64}$/u.test(text))
    throw new InvalidArgumentError('Expected 1 to 64 characters without spaces, +, # and /.')
  return text
}
