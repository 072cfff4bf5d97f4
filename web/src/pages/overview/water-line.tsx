import type { RatePoint } from '../../api/rates.ts'
import { formatRate } from '../../format/number.ts'
import { formatSpan } from '../../format/time.ts'
import { areaPath, linePath } from './rate-path.ts'

/** The rate of the last two minutes, or of as much as was seen of them, as a body of water whose surface is what came in. */
export function WaterLine({
  rates,
  isStale,
}: {
  readonly rates: readonly RatePoint[]
  /** The server does not answer now. */
  readonly isStale: boolean
}) {
  const first = rates[0]
  const last = rates[rates.length - 1]
  if (first === undefined || last === undefined || rates.length < 2) return <Still />
  const windowMs = last.time - first.time
  const top = Math.max(1, ...rates.map((point) => point.rowsIn)) * 1.25
  const place = (time: number, rate: number) =>
    [1 - (last.time - time) / windowMs, Math.min(1, rate / top)] as const
  const surface = rates.map((point) => place(point.time, point.rowsIn))
  const peak = Math.max(...rates.map((point) => point.rowsIn))
  return (
    <>
      <svg
        aria-hidden="true"
        viewBox="0 0 1000 100"
        preserveAspectRatio="none"
        className="absolute inset-x-0 bottom-0 h-20 w-full sm:h-24"
      >
        <path d={areaPath(surface)} fill="var(--water)" />
        <path
          d={linePath(surface)}
          fill="none"
          stroke="var(--crest)"
          strokeWidth="1.75"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <div className="page absolute inset-x-0 bottom-0 z-10 flex justify-between pb-1.5 text-xs text-on-deep-2">
        <span>{isStale ? `${formatSpan(windowMs)} before` : `${formatSpan(windowMs)} ago`}</span>
        <span>{peak < 0.05 ? 'nothing came in' : `at most ${formatRate(peak)} rows/s`}</span>
        <span>{isStale ? 'last answer' : 'now'}</span>
      </div>
    </>
  )
}

/** Before two answers have come, and while nothing is known: a calm surface. */
function Still() {
  return (
    <div
      aria-hidden="true"
      className="absolute inset-x-0 bottom-0 h-4 border-t border-crest/40 bg-[var(--water)]"
    />
  )
}
