/** A message as another thread gets it: what structuredClone gives, sooner where it is plain. Views of bytes get memory of their own, of their size. */
export function copied<T>(message: T): T {
  return copyOf(message) as T // as: it has the shape of what it is a copy of
}

function copyOf(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return structuredClone(value) // which refuses it
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf)
  if (isNumbers(value) && value.buffer instanceof ArrayBuffer) return value.slice()
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value)
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) copy[key] = copyOf(member)
  return copy
}

function isNumbers(value: object): value is Uint8Array | Uint32Array | Float64Array {
  const { constructor } = value
  return constructor === Uint8Array || constructor === Uint32Array || constructor === Float64Array
}
