/**
 * JSON.parse and JSON.stringify with the source text of primitive values (ECMA-262 proposal-json-parse-with-source, in V8
 * since 11.4), for which TypeScript has no types yet: a number that a double cannot hold keeps its digits.
 */
interface JsonSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}

/** A number as it stands in the payload; `JSON.stringify` writes it unchanged. */
export interface RawNumber {
  readonly rawJSON: string
}

const source = JSON as unknown as JsonSource // see above: the engine has these members

/** True of a number whose double may have lost digits, or has no finite double. */
export function isUnsafe(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
}

/** Parses again, every unsafe number as a `RawNumber`. */
export function parseRaw(text: string): unknown {
  return source.parse(text, (_, value, context) =>
    typeof value === 'number' && isUnsafe(value) && context.source !== undefined
      ? source.rawJSON(context.source)
      : value,
  )
}

export function isRaw(value: unknown): value is RawNumber {
  return source.isRawJSON(value)
}

/**
 * The integer that a raw number writes without a point or an exponent, else undefined. Of absurdly many digits only
 * the first are read: what is left is still beyond every limit.
 */
export function integerOf(raw: RawNumber): bigint | undefined {
  return isPlain(raw.rawJSON) ? BigInt(raw.rawJSON.slice(0, 40)) : undefined
}

/**
 * Whether a raw number, whose double is `value`, is an integer that this double does not stand for. Written in digits alone, every
 * integer beyond 2^53 is one: who writes so counts. With a point or an exponent it is a double in print if, written with as
 * many digits, the double is the same again: the shortest text (`1e23`), 17 digits and all digits (`1152921504606846976.0`) are,
 * `9007199254740993.0` is not.
 */
export function losesDigits(raw: RawNumber, value: number): boolean {
  const text = raw.rawJSON
  if (isPlain(text) && Math.abs(value) > 2 ** 53) return true
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', part = ''] = mantissa.replace('-', '').split('.')
  const all = whole + part
  let [from, to] = [0, all.length]
  while (all[from] === '0') from++
  while (to > from && all[to - 1] === '0') to--
  const isFraction = Number(exponent) - part.length + (all.length - to) < 0
  if (isFraction) return false
  const digits = all.slice(from, to)
  return printed(Math.abs(value), digits.length) !== digits
}

function isPlain(text: string): boolean {
  return /^-?\d+$/.test(text)
}

/** The first `count` digits of a double, the last one rounded where `toExponential` has so many. */
function printed(value: number, count: number): string {
  if (count > 101) return BigInt(value).toString().slice(0, count)
  return value
    .toExponential(count - 1)
    .replace(/e.*/, '')
    .replace('.', '')
}
