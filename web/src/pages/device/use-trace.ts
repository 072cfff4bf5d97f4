import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { Bucket, ReadingRow } from '../../api/readings.ts'
import { fetchBuckets, fetchRows, type Span } from '../../api/queries.ts'
import { chooseResolution, rawLimit, type Resolution } from '../../chart/resolution.ts'
import { Trace } from '../../chart/trace.ts'
import { now } from '../../clock.ts'
import { Conflator, nextFrame } from '../../live/conflate.ts'
import type { LiveRow } from '../../live/subscription.ts'
import type { DeviceFeed } from './device-feed.ts'
import { type Range, windowOf } from './range.ts'

/** History of one series as the store gave it. */
interface History {
  readonly stepMs: number
  readonly points: { readonly rows: readonly ReadingRow[] } | { readonly buckets: readonly Bucket[] }
  /** Everything before this live cursor is in it. */
  readonly asOf: string
  readonly rowsPerMs: number
}

/**
 * One series over a range: history from the store in the resolution that fits the width, joined with live rows while the range
 * ends now. `changed` is called at most once a frame after live rows.
 */
export function useTrace(
  feed: DeviceFeed | undefined,
  device: string,
  metric: string,
  range: Range,
  widthPx: number,
  changed: () => void,
) {
  const density = useRef<number>(undefined)
  // A drag of the window's edge asks for nothing new until the width has really changed.
  const roundedWidth = Math.max(300, Math.ceil(widthPx / 150) * 150)
  const [revision, setRevision] = useState(0)
  const rangeKey = range.kind === 'live' ? range.name : `${range.from} ${range.to}`
  const query = useQuery({
    queryKey: ['trace', device, metric, rangeKey, roundedWidth, revision],
    enabled: widthPx > 0 && (range.kind === 'fixed' || feed !== undefined),
    queryFn: async ({ signal }) => {
      const span = { device, metric, ...aligned(windowOf(range, now())) }
      const history = await readHistory(span, roundedWidth, density.current, signal)
      density.current = history.rowsPerMs
      return history
    },
    // A window that ends now is read anew whenever it is shown; one that stands still only changes by late rows.
    staleTime: range.kind === 'live' ? 0 : 30_000,
    gcTime: range.kind === 'live' ? 0 : 60_000,
    placeholderData: keepPreviousData,
  })
  const history = query.data
  const isSettled = !query.isPlaceholderData

  const [trace, setTrace] = useState<Trace>()
  const onChange = useRef(changed)
  onChange.current = changed
  useEffect(() => {
    if (history === undefined || !isSettled) return
    // Live rows change the trace: every join begins with one of its own.
    const trace = traceOf(history)
    setTrace(trace)
    if (feed === undefined || range.kind === 'fixed') return
    const lengthMs = range.lengthMs
    let isCrowded = false
    let healing: ReturnType<typeof setTimeout> | undefined
    const conflator = new Conflator<LiveRow>(nextFrame, (rows) => {
      trace.addRows(rows)
      trace.prune(now() - lengthMs)
      onChange.current()
      if (isCrowded || trace.stepMs > 0 || trace.length < 2 * rawLimit(roundedWidth)) return
      isCrowded = true
      // So many rows have come that buckets show them better.
      density.current = trace.length / Math.max(1, trace.lastTime - trace.firstTime)
      setRevision((n) => n + 1)
    })
    const leave = feed.join(history.asOf, {
      rows: (rows) => conflator.add(rows.filter((row) => row.metric === metric)),
      // Everything skipped is in the store, or will be in a moment.
      incomplete: () => (healing ??= setTimeout(() => setRevision((n) => n + 1), 1500)),
    })
    return () => {
      leave()
      conflator.stop()
      clearTimeout(healing)
    }
    // `rangeKey` is what the range is.
  }, [history, feed, metric, rangeKey, isSettled])

  return { trace, error: query.error, isReading: query.isFetching, again: () => setRevision((n) => n + 1) }
}

function traceOf({ stepMs, points }: History): Trace {
  const trace = new Trace(stepMs)
  if ('rows' in points) trace.addRows(points.rows)
  else trace.addBuckets(points.buckets)
  return trace
}

async function readHistory(
  span: Span,
  widthPx: number,
  rowsPerMs: number | undefined,
  signal: AbortSignal,
): Promise<History> {
  const rangeMs = span.to - span.from
  let resolution: Resolution = chooseResolution(rangeMs, widthPx, rowsPerMs)
  if (resolution.kind === 'raw') {
    const rows = await fetchRows(span, resolution.limit, signal)
    if (rows.next === undefined)
      return { stepMs: 0, points: rows, asOf: rows.asOf, rowsPerMs: rows.rows.length / rangeMs }
    resolution = chooseResolution(rangeMs, widthPx, Infinity)
  }
  if (resolution.kind === 'raw') throw new Error('an endless density is never raw')
  const { stepMs } = resolution
  const from = Math.floor(span.from / stepMs) * stepMs
  const buckets = await fetchBuckets({ ...span, from }, stepMs, signal)
  const count = buckets.rows.reduce((sum, bucket) => sum + bucket.count, 0)
  return { stepMs, points: { buckets: buckets.rows }, asOf: buckets.asOf, rowsPerMs: count / rangeMs }
}

/** A moment more than asked at the end, where rows may carry a clock that runs ahead of this one. */
function aligned({ from, to }: { from: number; to: number }): { from: number; to: number } {
  return { from: Math.floor(from), to: Math.ceil(to) + (to > now() - 1000 ? 5000 : 0) }
}
