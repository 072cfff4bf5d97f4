/** Numbers from a seed: the same seed gives the same, anywhere. */
export interface Random {
  /** In [0, 1). */
  uniform(): number
  /** Mean 0, standard deviation 1. */
  gaussian(): number
}

/** Mulberry32: small, quick, good enough for noise; the gaussian is Box and Muller's. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function uniform(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    uniform,
    gaussian: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}
