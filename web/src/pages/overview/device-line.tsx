import { Link } from '@tanstack/react-router'
import { useCallback, useSyncExternalStore } from 'react'
import type { DeviceRow, Latest } from '../../api/readings.ts'
import { formatAgo, formatMoment } from '../../format/time.ts'
import type { LatestValues } from '../../live/latest-values.ts'
import { usePreference } from '../../state/preference.ts'
import { zonePreference } from '../../state/preferences.ts'
import { useNow } from '../../state/now.ts'
import { QualityMark } from '../../ui/quality.tsx'
import { Value } from '../../ui/value.tsx'
import { Spark } from './spark.tsx'

export function DeviceLine({ row, values }: { readonly row: DeviceRow; readonly values: LatestValues }) {
  const { device } = row
  const watch = useCallback((watcher: () => void) => values.watch(device, watcher), [values, device])
  const latest = useSyncExternalStore(watch, () => values.of(device))
  const first = latest.find(({ value }) => typeof value === 'number')
  const ordered = first === undefined ? latest : [first, ...latest.filter((one) => one !== first)]
  const lastTime = latest.reduce((time, one) => Math.max(time, one.time), row.lastTime)
  return (
    <tr className="group relative hover:bg-surface">
      <td className="py-3!">
        <Link
          to="/devices/$device"
          params={{ device }}
          className="block font-semibold wrap-anywhere after:absolute after:inset-0 hover:text-accent"
        >
          <BrokenName name={device} />
        </Link>
        <span className="text-xs text-ink-3 sm:hidden">
          <Seen time={lastTime} />
        </span>
      </td>
      <td>
        <div className="flex gap-6 overflow-hidden">
          {ordered.slice(0, 3).map((one, i) => (
            <Reading key={one.metric} latest={one} className={shownFrom[i] ?? ''} />
          ))}
          {ordered.length > 3 && (
            <span className="self-center text-xs whitespace-nowrap text-ink-3 max-xl:hidden">
              {ordered.length - 3} more
            </span>
          )}
        </div>
      </td>
      <td>{first !== undefined && <Spark device={device} metric={first.metric} latest={first} />}</td>
      <td className="text-right text-sm whitespace-nowrap text-ink-2 max-sm:hidden">
        <Seen time={lastTime} />
      </td>
    </tr>
  )
}

/** The second value needs a wider screen, the third a wider one yet. */
const shownFrom = ['', 'max-md:hidden', 'max-xl:hidden']

function Reading({ latest, className }: { readonly latest: Latest; readonly className: string }) {
  return (
    <div className={`w-[7rem] shrink-0 ${className}`}>
      <p className="font-semibold">
        <Value value={latest.value} unit={latest.unit} />
      </p>
      <p className="flex items-center gap-1.5 text-xs text-ink-3">
        <span className="truncate" title={latest.metric}>
          {latest.metric}
        </span>
        <QualityMark quality={latest.quality} brief />
      </p>
    </div>
  )
}

function Seen({ time }: { readonly time: number }) {
  const present = useNow()
  const zone = usePreference(zonePreference)
  return <time title={formatMoment(time, zone)}>{formatAgo(present - time)}</time>
}

/** Long names may break after a slash. */
function BrokenName({ name }: { readonly name: string }) {
  return name.split(/(?<=\/)/).map((part, i) => (
    <span key={i}>
      {part}
      <wbr />
    </span>
  ))
}
