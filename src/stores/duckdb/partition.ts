/** The whole numbers below `length`, in order, by the part that `partOf` names (a small whole number). */
export function partition(length: number, partOf: (i: number) => number): Map<number, Uint32Array> {
  const parts = new Uint32Array(length)
  const sizes = new Map<number, number>()
  for (let i = 0; i < length; i++) {
    const part = partOf(i)
    parts[i] = part
    sizes.set(part, (sizes.get(part) ?? 0) + 1)
  }
  const lists = new Map<number, Uint32Array>()
  for (const [part, size] of sizes) lists.set(part, new Uint32Array(size))
  const filled = new Map<number, number>()
  for (let i = 0; i < length; i++) {
    const part = parts[i] as number
    const at = filled.get(part) ?? 0
    const list = lists.get(part)
    if (list !== undefined) list[at] = i
    filled.set(part, at + 1)
  }
  return lists
}
