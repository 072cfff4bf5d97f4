/** Rows as columns in one piece of shared memory: | time f64 × n | value f64 × n | series u32 × n | quality u8 × n | */
export interface ColumnSlab {
  readonly time: Float64Array
  readonly value: Float64Array
  readonly series: Uint32Array
  readonly quality: Uint8Array
}

export const bytesPerRow = 21

export function columnSlab(memory: SharedArrayBuffer, capacity: number): ColumnSlab {
  return {
    time: new Float64Array(memory, 0, capacity),
    value: new Float64Array(memory, capacity * 8, capacity),
    series: new Uint32Array(memory, capacity * 16, capacity),
    quality: new Uint8Array(memory, capacity * 20, capacity),
  }
}

/** The parts of the slab that hold its first `rows` rows. */
export function usedRanges(capacity: number, rows: number): readonly (readonly [number, number])[] {
  return [
    [0, rows * 8],
    [capacity * 8, capacity * 8 + rows * 8],
    [capacity * 16, capacity * 16 + rows * 4],
    [capacity * 20, capacity * 20 + rows],
  ]
}
