import { useCallback, useEffect, useRef, useState } from 'react'
import type { Latest } from '../../api/readings.ts'
import { type ChartPoint, type ChartWindow, TimeChart } from '../../chart/time-chart.tsx'
import { useWidth } from '../../chart/use-width.ts'
import { now } from '../../clock.ts'
import { formatCounted, formatValue } from '../../format/number.ts'
import { formatMoment, formatSpan, formatTime, type Zone } from '../../format/time.ts'
import { live } from '../../state/live.ts'
import { Fault } from '../../ui/fault.tsx'
import { QualityMark } from '../../ui/quality.tsx'
import { Value } from '../../ui/value.tsx'
import type { DeviceFeed } from './device-feed.ts'
import { type Range, windowOf } from './range.ts'
import { useTrace } from './use-trace.ts'

export interface MetricChartProps {
  readonly feed: DeviceFeed | undefined
  readonly device: string
  readonly latest: Latest
  readonly range: Range
  readonly zone: Zone
  readonly color: string
  readonly onZoom: (window: ChartWindow) => void
}

const knownUntil = () => live.knownUntil

/** One metric over the page's range: line, lowest to highest of each bucket, gaps, and the figure under the cursor. */
export function MetricChart({ feed, device, latest, range, zone, color, onZoom }: MetricChartProps) {
  const { metric, unit } = latest
  const { ref, width } = useWidth<HTMLDivElement>()
  const [point, setPoint] = useState<ChartPoint>()
  const draw = useRef<() => void>(undefined)
  const takeDraw = useCallback((drawNow: (() => void) | undefined) => (draw.current = drawNow), [])
  const changed = useCallback(() => draw.current?.(), [])
  const { trace, error, isReading, again } = useTrace(feed, device, metric, range, width, changed)
  const windowNow = useCallback(() => windowOf(range, now()), [range])
  useMovingWindow(range, width, changed)

  return (
    <section aria-label={metric} className="min-w-0 border-t border-line pt-3 first:border-t-0 first:pt-0">
      <header className="mb-1 flex flex-wrap items-baseline gap-x-4 gap-y-0.5">
        <h3 className="font-semibold wrap-anywhere">
          <span
            aria-hidden="true"
            className="mr-2 inline-block h-[3px] w-4 rounded align-middle"
            style={{ background: `var(${color})` }}
          />
          {metric}
        </h3>
        <p className="flex items-baseline gap-2 text-sm text-ink-2">
          {point === undefined ? (
            <>
              <span className="text-base font-semibold text-ink">
                <Value value={latest.value} unit={unit} />
              </span>
              <QualityMark quality={latest.quality} />
            </>
          ) : (
            <Readout point={point} unit={unit} stepMs={trace?.stepMs ?? 0} zone={zone} />
          )}
        </p>
        <p className="ml-auto text-xs text-ink-3">
          {trace === undefined || trace.length === 0 ? '' : resolutionText(trace.length, trace.stepMs)}
        </p>
      </header>
      <div ref={ref} className="relative min-h-[180px] overflow-hidden">
        {error !== null && trace === undefined ? (
          <Fault what={metric} error={error} onRetry={again} />
        ) : (
          width > 0 && (
            <TimeChart
              trace={trace}
              windowNow={windowNow}
              knownUntil={knownUntil}
              zone={zone}
              color={color}
              label={`${metric} over time; last ${typeof latest.value === 'number' ? formatValue(latest.value) : latest.value} ${unit}. The rows are in the table below.`}
              width={width}
              height={180}
              onZoom={onZoom}
              onPoint={setPoint}
              drawer={takeDraw}
            />
          )
        )}
        {trace !== undefined && trace.length === 0 && (
          <p className="absolute inset-x-0 top-[4.2rem] text-center text-sm text-ink-3">
            {isReading ? 'Reading…' : 'No readings in this range. Choose a longer one.'}
          </p>
        )}
      </div>
    </section>
  )
}

function Readout({
  point,
  unit,
  stepMs,
  zone,
}: {
  readonly point: ChartPoint
  readonly unit: string
  readonly stepMs: number
  readonly zone: Zone
}) {
  const isSpread = point.low !== point.high
  return (
    <>
      <span className="text-base font-semibold text-ink">
        <Value value={point.mid} unit={unit} />
      </span>
      <QualityMark quality={point.quality} isWorst={stepMs > 0} />
      {isSpread && (
        <span className="whitespace-nowrap">
          {formatValue(point.low)} to {formatValue(point.high)}
        </span>
      )}
      <span className="whitespace-nowrap">
        {stepMs > 300_000
          ? formatMoment(point.time - stepMs / 2, zone)
          : formatTime(point.time - stepMs / 2, zone, stepMs === 0 ? 'ms' : 's')}
      </span>
    </>
  )
}

function resolutionText(points: number, stepMs: number): string {
  return stepMs === 0
    ? `every row, ${formatCounted(points, 'point')}`
    : `average, lowest and highest of each ${formatSpan(stepMs)}`
}

/** Moves a live window on: a pixel at a time, once a second for who wants less motion. */
function useMovingWindow(range: Range, width: number, draw: () => void): void {
  const lengthMs = range.kind === 'live' ? range.lengthMs : undefined
  useEffect(() => {
    if (lengthMs === undefined || width === 0) return
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches
    const everyMs = Math.max(isCalm ? 1000 : 250, Math.min(5000, lengthMs / width))
    const timer = setInterval(() => requestAnimationFrame(draw), everyMs)
    return () => clearInterval(timer)
  }, [lengthMs, width, draw])
}
