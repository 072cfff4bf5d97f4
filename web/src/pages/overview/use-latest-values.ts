import { useEffect, useState } from 'react'
import { readLatest } from '../../api/readings.ts'
import { storeCursor } from '../../api/store-cursor.ts'
import { get } from '../../api/request.ts'
import { Conflator, frameAfter } from '../../live/conflate.ts'
import { LatestValues } from '../../live/latest-values.ts'
import type { LiveRow } from '../../live/subscription.ts'
import { live } from '../../state/live.ts'

/** Digits change four times a second at most. */
const digitsMs = 250

/**
 * The newest values of these devices, followed live. The subscription starts where the store stood before it was asked,
 * so nothing falls between the two.
 */
export function useLatestValues(devices: readonly string[]): LatestValues {
  const [values] = useState(() => new LatestValues())
  const key = JSON.stringify(devices)
  useEffect(() => {
    const names: string[] = devices.slice()
    if (names.length === 0) return
    const stopping = new AbortController()
    const conflator = new Conflator<LiveRow>(frameAfter(digitsMs), (rows) => values.apply(rows))
    let end: (() => void) | undefined
    const read = () =>
      readNewest(names, values, stopping.signal).catch((error: unknown) => {
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

/** Reads the newest values; returns the cursor up to which they are whole at least. */
async function readNewest(
  devices: readonly string[],
  values: LatestValues,
  signal: AbortSignal,
): Promise<string | undefined> {
  const cursor = await storeCursor(signal)
  // One answer for small installations; device by device where one would hold far more than is shown.
  const all = await get('/api/v1/latest', { limit: 2000 }, readLatest, signal)
  values.apply(all.rows)
  if (all.rows.length < 2000) return cursor
  await Promise.all(
    devices.map(async (device) => {
      const { rows } = await get('/api/v1/latest', { device, limit: 20 }, readLatest, signal)
      values.apply(rows)
    }),
  )
  return cursor
}
