import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { good } from '../../../src/core/quality.ts'
import 'uplot/dist/uPlot.min.css'
import { formatValue } from '../format/number.ts'
import type { Zone } from '../format/time.ts'
import { watchTheme } from '../state/preferences.ts'
import { markQuality, shadeGaps } from './marks.ts'
import { axisLabels } from './time-axis.ts'
import { lonePoints, type Trace, type TraceColumns } from './trace.ts'

export interface ChartWindow {
  readonly from: number
  readonly to: number
}

export interface TimeChartProps {
  readonly trace: Trace | undefined
  /** Asked at every drawing: a live window moves. */
  readonly windowNow: () => ChartWindow
  /** Until when a missing point means that there is none, in ms since 1970. Asked at every drawing. */
  readonly knownUntil: () => number
  readonly zone: Zone
  /** CSS variable of the line's colour. */
  readonly color: string
  readonly label: string
  readonly width: number
  readonly height: number
  /** A stretch was dragged over. */
  readonly onZoom: (window: ChartWindow) => void
  /** The point under the cursor, or undefined when it left. */
  readonly onPoint: (point: ChartPoint | undefined) => void
  /** Receives the function that draws the trace as it is now. */
  readonly drawer: (draw: (() => void) | undefined) => void
}

export interface ChartPoint {
  readonly time: number
  readonly mid: number
  readonly low: number
  readonly high: number
  readonly quality: number
}

/** All charts of a page move one cursor. */
const cursorKey = 'device'

export function TimeChart(props: TimeChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const current = useRef(props)
  current.current = props
  const { width, height, zone, color, trace, drawer } = props

  useEffect(() => {
    const element = host.current
    if (element === null || width === 0) return
    let chart: uPlot | undefined
    let columns: TraceColumns = emptyColumns
    const draw = () => {
      const { trace, windowNow, knownUntil } = current.current
      if (chart === undefined) return
      const { from, to } = windowNow()
      columns = trace?.columns(Math.min(to, knownUntil())) ?? emptyColumns
      const window = { min: from, max: to }
      chart.batch(() => {
        chart?.setData([columns.time, columns.low, columns.high, columns.mid], false)
        chart?.setScale('x', window)
        chart?.setScale('y', scaleOf(columns, from, to))
      })
    }
    const build = () => {
      chart?.destroy()
      chart = new uPlot(
        optionsOf(element, current, () => columns, { width, height, zone, color }),
        undefined,
        element,
      )
      draw()
    }
    build()
    drawer(draw)
    const unwatch = watchTheme(() => requestAnimationFrame(build))
    return () => {
      unwatch()
      drawer(undefined)
      chart?.destroy()
    }
  }, [width, height, zone, color, trace, drawer])

  return <div ref={host} role="img" aria-label={props.label} style={{ height }} />
}

const emptyColumns: TraceColumns = { time: [], mid: [], low: [], high: [], quality: [], gaps: [] }

/** The values in sight with some room; a series that does not move gets a scale around it. */
function scaleOf({ time, low, high }: TraceColumns, from: number, to: number): { min: number; max: number } {
  let min = Infinity
  let max = -Infinity
  for (let i = 0; i < time.length; i++) {
    const at = time[i] ?? 0
    const [l, h] = [low[i], high[i]]
    if (at < from || at > to || l === null || l === undefined || h === null || h === undefined) continue
    if (l < min) min = l
    if (h > max) max = h
  }
  if (min > max) return { min: 0, max: 1 }
  const room = max === min ? Math.max(1e-9, Math.abs(max) * 0.1, 0.5) : (max - min) * 0.08
  return { min: min - room, max: max + room }
}

interface Look {
  readonly width: number
  readonly height: number
  readonly zone: Zone
  readonly color: string
}

function optionsOf(
  element: HTMLElement,
  props: { readonly current: TimeChartProps },
  columns: () => TraceColumns,
  { width, height, zone, color }: Look,
): uPlot.Options {
  const style = getComputedStyle(element)
  const tone = (name: string) => style.getPropertyValue(name).trim()
  const line = tone(color)
  const font = `12.5px ${style.fontFamily}`
  const isNarrow = width < 480
  return {
    width,
    height,
    ms: 1,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: cursorKey, setSeries: false },
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: (_chart, i) => (i === 3 ? 7 : 0), fill: line, stroke: tone('--surface'), width: 2 },
      y: false,
    },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      {
        stroke: tone('--ink-3'),
        font,
        size: 38,
        gap: 6,
        space: isNarrow ? 64 : 84,
        grid: { show: false },
        ticks: { stroke: tone('--line-strong'), width: 1, size: 4 },
        values: (_chart, marks, _axis, _space, step) => axisLabels(marks, step, zone),
      },
      {
        stroke: tone('--ink-3'),
        font,
        size: isNarrow ? 50 : 62,
        gap: 6,
        space: 34,
        grid: { stroke: tone('--line'), width: 1 },
        ticks: { show: false },
        values: (_chart, marks) => marks.map(formatValue),
      },
    ],
    series: [
      {},
      { stroke: 'transparent', width: 0, points: { show: false } },
      { stroke: 'transparent', width: 0, points: { show: false } },
      {
        stroke: line,
        width: 1.5,
        points: {
          show: (chart) => isSparse(chart, columns()),
          // No line leads to a point that stands alone.
          filter: (_chart, _series, show) => (show ? null : lonePoints(columns())),
          size: 4,
          fill: line,
        },
      },
    ],
    // Between lowest and highest of each bucket.
    bands: [{ series: [2, 1], fill: `color-mix(in oklch, ${line} 22%, transparent)` }],
    tzDate: zone === 'utc' ? (ms) => uPlot.tzDate(new Date(ms), 'Etc/UTC') : (ms) => new Date(ms),
    hooks: {
      drawAxes: [
        (chart) =>
          shadeGaps(chart, columns(), {
            line: tone('--line'),
            ink: tone('--ink-3'),
            ground: tone('--ground'),
            font,
          }),
        (chart) => markQuality(chart, columns(), tone('--warn'), tone('--bad')),
      ],
      setSelect: [
        (chart) => {
          const { left, width } = chart.select
          if (width < 4) return
          props.current.onZoom({ from: chart.posToVal(left, 'x'), to: chart.posToVal(left + width, 'x') })
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
      setCursor: [(chart) => props.current.onPoint(pointAt(chart.cursor.idx, columns()))],
    },
  }
}

/** Few points are shown as points too: a line alone would hide how few they are. */
function isSparse(chart: uPlot, { time }: TraceColumns): boolean {
  return time.length < chart.width / 14
}

function pointAt(
  index: number | null | undefined,
  { time, mid, low, high, quality }: TraceColumns,
): ChartPoint | undefined {
  if (index === null || index === undefined) return undefined
  const [at, m, l, h] = [time[index], mid[index], low[index], high[index]]
  if (at === undefined || typeof m !== 'number' || typeof l !== 'number' || typeof h !== 'number')
    return undefined
  return { time: at, mid: m, low: l, high: h, quality: quality[index] ?? good }
}
