type Numbers = Float64Array | Uint32Array | Int32Array | Uint8Array

/** A longer copy of a column; its length is a power of two of at least `atLeast`. */
export function grow<T extends Numbers>(column: T, atLeast: number): T {
  let length = column.length
  while (length < atLeast) length *= 2
  const longer = new (column.constructor as new (length: number) => T)(length) // a typed array's constructor makes its own kind
  longer.set(column)
  return longer
}

export function growBig(column: BigInt64Array, atLeast: number): BigInt64Array<ArrayBuffer> {
  let length = column.length
  while (length < atLeast) length *= 2
  const longer = new BigInt64Array(length)
  longer.set(column)
  return longer
}
