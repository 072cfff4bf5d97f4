import { useEffect, useState } from 'react'
import { type DeviceRow, readLatest } from '../../api/readings.ts'
import { get } from '../../api/request.ts'
import { Conflator, frameAfter } from '../../live/conflate.ts'
import { commonCursor } from '../../live/cursor.ts'
import { LatestValues } from '../../live/latest-values.ts'
import type { LiveRow } from '../../live/subscription.ts'
import { live } from '../../state/live.ts'

/** Digits change four times a second at most. */
const digitsMs = 250

/** Series that are read in one answer, needed or not. */
const fewSeries = 2000

/** Metrics read of each device where there are many: three are shown. */
const metricsEach = 20

/**
 * The newest values of these devices, followed live. The subscription starts at the place that the answers reach, so nothing falls
 * between the two. `isAll`: there are no other devices.
 */
export function useLatestValues(devices: readonly DeviceRow[], isAll: boolean): LatestValues {
  const [values] = useState(() => new LatestValues())
  const key = JSON.stringify(devices.map(({ device }) => device))
  useEffect(() => {
    const names = devices.map(({ device }) => device)
    if (names.length === 0) return
    const isFew = isAll && devices.reduce((sum, { series }) => sum + series, 0) <= fewSeries
    const stopping = new AbortController()
    const conflator = new Conflator<LiveRow>(frameAfter(digitsMs), (rows) => values.apply(rows))
    let end: (() => void) | undefined
    const read = () =>
      readNewest(isFew ? undefined : names, values, stopping.signal).catch((error: unknown) => {
        // What is missing comes live; the page says by itself when the server is away.
        if (!stopping.signal.aborted) console.warn(error)
        return undefined
      })
    const start = async () => {
      const from = await read()
      if (stopping.signal.aborted) return
      end = live.subscribe(
        { devices: names, metrics: '*', from },
        {
          rows: (rows) => conflator.add(rows),
          skipped: () => {},
          broken: () => {
            read().catch(console.warn)
          },
        },
      )
    }
    start().catch(console.warn)
    return () => {
      stopping.abort()
      conflator.stop()
      end?.()
    }
    // `key` is what the devices are.
  }, [key, values])
  return values
}

/** Reads the newest values, of all devices in one answer or of each in its own; returns the cursor that they reach at least. */
async function readNewest(
  devices: readonly string[] | undefined,
  values: LatestValues,
  signal: AbortSignal,
): Promise<string | undefined> {
  const questions = devices?.map((device) => ({ device, limit: metricsEach })) ?? [{ limit: fewSeries }]
  const answers = await Promise.all(
    questions.map((question) => get('/api/v1/latest', question, readLatest, signal)),
  )
  for (const { rows } of answers) values.apply(rows)
  return commonCursor(answers.map(({ asOf }) => asOf))
}
