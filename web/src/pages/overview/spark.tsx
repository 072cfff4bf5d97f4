import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { fetchBuckets } from '../../api/queries.ts'
import type { Latest } from '../../api/readings.ts'
import { Trace } from '../../chart/trace.ts'
import { now } from '../../clock.ts'
import { sparkPath } from './spark-path.ts'

const windowMs = 5 * 60_000
const stepMs = 5000

/** The last five minutes of one series, without scale: whether it is calm, moves, or has stopped. */
export function Spark({
  device,
  metric,
  latest,
}: {
  readonly device: string
  readonly metric: string
  readonly latest: Latest
}) {
  const { data } = useQuery({
    queryKey: ['spark', device, metric],
    queryFn: ({ signal }) => {
      const to = now()
      const from = Math.floor((to - windowMs) / stepMs) * stepMs
      return fetchBuckets({ device, metric, from, to }, stepMs, signal)
    },
    staleTime: 5 * 60_000,
  })
  const trace = useMemo(() => {
    const trace = new Trace(stepMs)
    if (data !== undefined) trace.addBuckets(data.rows)
    return trace
  }, [data])
  useEffect(() => trace.addRows([latest]), [trace, latest])
  const to = now()
  // The bucket that is still being filled would end the line on a single reading.
  const path = sparkPath(trace.columns(), to - windowMs, to - stepMs / 2)
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 120 30"
      preserveAspectRatio="none"
      className="block h-[30px] w-full text-ink-3 group-hover:text-accent"
    >
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinejoin="round"
        strokeLinecap="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}
