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
  return /^-?\d+$/.test(raw.rawJSON) ? BigInt(raw.rawJSON.slice(0, 40)) : undefined
}
