/** A point of a curve: both coordinates 0 to 1, from the left and from the bottom. */
export type CurvePoint = readonly [x: number, y: number]

/**
 * A curve through the points for an SVG of 1000 × 100, level at each point as a water surface is, so that it never overshoots
 * what was measured. Before the first point it comes in level from the left.
 */
export function linePath(points: readonly CurvePoint[]): string {
  const [first, ...rest] = points.map(([x, y]) => [x * 1000, 100 - y * 94] as const)
  if (first === undefined) return ''
  let path = `M${Math.min(0, first[0])},${shortened(first[1])}L${shortened(first[0])},${shortened(first[1])}`
  let [x0, y0] = first
  for (const [x, y] of rest) {
    const middle = shortened((x0 + x) / 2)
    path += `C${middle},${shortened(y0)} ${middle},${shortened(y)} ${shortened(x)},${shortened(y)}`
    x0 = x
    y0 = y
  }
  return path
}

/** The same, filled down to the bottom. */
export function areaPath(points: readonly CurvePoint[]): string {
  const last = points[points.length - 1]
  return last === undefined ? '' : `${linePath(points)}L${shortened(last[0] * 1000)},100L0,100Z`
}

function shortened(n: number): number {
  return Number(n.toFixed(1))
}
