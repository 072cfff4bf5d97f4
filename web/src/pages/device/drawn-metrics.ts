import type { Latest } from '../../api/readings.ts'

/** Drawn when nothing was chosen. */
const atFirst = 4

const colors = ['--trace-1', '--trace-2', '--trace-3', '--trace-4', '--trace-5', '--trace-6'] as const

/** Metrics to draw, each with the variable of its colour. A metric keeps its colour whatever else is drawn. */
export function drawnMetrics(
  latest: readonly Pick<Latest, 'metric' | 'value'>[],
  chosen: readonly string[] | undefined,
): Map<string, string> {
  const numbers = latest.filter(({ value }) => typeof value === 'number').map(({ metric }) => metric)
  const drawn =
    chosen === undefined ? numbers.slice(0, atFirst) : numbers.filter((name) => chosen.includes(name))
  return new Map(drawn.map((name) => [name, colors[numbers.indexOf(name) % colors.length] ?? colors[0]]))
}
