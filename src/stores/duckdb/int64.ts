// hot: bench/store-append
/** 64-bit whole numbers as pairs of 32 bits, low half first, as the engine keeps them: a BigInt64Array would cost a bigint a value. */

const two32 = 2 ** 32

export function putTime(pairs: Uint32Array, i: number, micros: number): void {
  const high = Math.floor(micros / two32)
  pairs[2 * i] = micros - high * two32
  pairs[2 * i + 1] = high
}

/** The numbers of a batch: base + offset. */
export class Numbers {
  readonly #low: number
  readonly #high: number

  constructor(base: bigint) {
    this.#low = Number(BigInt.asUintN(32, base))
    this.#high = Number(base >> 32n)
  }

  put(pairs: Uint32Array, i: number, offset: number): void {
    const number = this.#low + offset
    pairs[2 * i] = number
    pairs[2 * i + 1] = number >= two32 ? this.#high + 1 : this.#high
  }

  /** The number at i less the base: exact wherever it is near a batch's offsets. */
  offset(pairs: Uint32Array, i: number): number {
    const high = (pairs[2 * i + 1] as number) | 0 // numbers are below 2^63
    return (high - this.#high) * two32 + ((pairs[2 * i] as number) - this.#low)
  }
}
