import type uPlot from 'uplot'
import { good } from '../../../src/core/quality.ts'
import { qualityWord } from '../format/quality.ts'
import type { TraceColumns } from './trace.ts'

export interface GapLook {
  readonly line: string
  readonly ink: string
  readonly ground: string
  readonly font: string
}

/** Stretches without data are hatched, and said where there is room: a break in the line alone is easily missed. */
export function shadeGaps(chart: uPlot, { gaps }: TraceColumns, look: GapLook): void {
  const { ctx, bbox } = chart
  const ratio = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  for (const gap of gaps) {
    const left = chart.valToPos(gap.from, 'x', true)
    const right = chart.valToPos(gap.to, 'x', true)
    if (right < bbox.left || left > bbox.left + bbox.width || right - left < 3 * ratio) continue
    ctx.save()
    ctx.beginPath()
    ctx.rect(left, bbox.top, right - left, bbox.height)
    ctx.clip()
    ctx.strokeStyle = look.line
    ctx.lineWidth = ratio
    ctx.beginPath()
    for (let x = left - bbox.height; x < right; x += 7 * ratio) {
      ctx.moveTo(x, bbox.top + bbox.height)
      ctx.lineTo(x + bbox.height, bbox.top)
    }
    ctx.stroke()
    if (right - left > 70 * ratio) {
      ctx.font = look.font.replace(/^[\d.]+/, (size) => String(Number(size) * ratio))
      ctx.textAlign = 'center'
      const middle = (left + right) / 2
      const half = ctx.measureText('no data').width / 2 + 4 * ratio
      ctx.fillStyle = look.ground
      ctx.fillRect(middle - half, bbox.top + 3 * ratio, half * 2, 18 * ratio)
      ctx.fillStyle = look.ink
      ctx.fillText('no data', middle, bbox.top + 16 * ratio)
    }
    ctx.restore()
  }
  ctx.restore()
}

/** Under the line, where readings were not good: a tick for each, taller for bad ones, so that colour is not all that tells. */
export function markQuality(chart: uPlot, { time, quality }: TraceColumns, warn: string, bad: string): void {
  const { ctx, bbox } = chart
  const ratio = devicePixelRatio
  const bottom = bbox.top + bbox.height
  ctx.save()
  for (let i = 0; i < time.length; i++) {
    const word = qualityWord(quality[i] ?? good)
    if (word === 'good') continue
    const x = chart.valToPos(time[i] ?? 0, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    const height = (word === 'bad' ? 9 : 5) * ratio
    ctx.fillStyle = word === 'bad' ? bad : warn
    ctx.fillRect(x - ratio, bottom - height, 2 * ratio, height)
  }
  ctx.restore()
}
