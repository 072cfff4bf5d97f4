import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { latestQuery } from '../../api/queries.ts'
import type { Latest } from '../../api/readings.ts'
import { Conflator, frameAfter } from '../../live/conflate.ts'
import { LatestValues } from '../../live/latest-values.ts'
import type { LiveRow } from '../../live/subscription.ts'
import { live } from '../../state/live.ts'
import { DeviceFeed } from './device-feed.ts'
import { useSyncExternalStore } from 'react'

/** The feed of a device and the newest value of each of its metrics; undefined until the store has said where it stands. */
export function useDeviceFeed(device: string) {
  const latest = useQuery(latestQuery(device))
  const [feed, setFeed] = useState<DeviceFeed>()
  const values = useMemo(() => new LatestValues(), [device])
  const isRead = latest.data !== undefined
  const cursor = latest.data?.asOf
  useEffect(() => {
    if (latest.data !== undefined) values.apply(latest.data.rows)
  }, [latest.data, values])
  useEffect(() => {
    if (!isRead) return
    const started = new DeviceFeed(live, device, cursor)
    setFeed(started)
    const conflator = new Conflator<LiveRow>(frameAfter(250), (rows) => values.apply(rows))
    started.join(undefined, { rows: (rows) => conflator.add(rows), incomplete: () => {} })
    return () => {
      conflator.stop()
      started.close()
      setFeed(undefined)
    }
    // The place where the feed starts is that of the first answer.
  }, [device, isRead, values])
  const newest: readonly Latest[] = useSyncExternalStore(
    useMemo(() => (watcher: () => void) => values.watch(device, watcher), [values, device]),
    () => values.of(device),
  )
  return { feed, newest, latest }
}
