import { getRouteApi, Link } from '@tanstack/react-router'
import { now } from '../../clock.ts'
import { formatCounted } from '../../format/number.ts'
import { formatAgo, formatMoment } from '../../format/time.ts'
import { usePreference } from '../../state/preference.ts'
import { zonePreference } from '../../state/preferences.ts'
import { useNow } from '../../state/now.ts'
import { Button } from '../../ui/button.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Notice, Reading } from '../../ui/notice.tsx'
import { useTitle } from '../../ui/title.ts'
import { drawnMetrics } from './drawn-metrics.ts'
import { ExportMenu } from './export-menu.tsx'
import { MetricChart } from './metric-chart.tsx'
import { MetricList } from './metric-list.tsx'
import { type LiveRange, rangeOf, readDeviceSearch, type Window, windowOf } from './range.ts'
import { RangePicker } from './range-picker.tsx'
import { RowsTable } from './rows-table.tsx'
import { useDeviceFeed } from './use-device-feed.ts'

const route = getRouteApi('/devices/$device')

/** One device: its metrics, their history joined with what comes live, and its rows. */
export function DevicePage() {
  const { device } = route.useParams()
  // Another device is another page: nothing of the last one stays.
  return <Device key={device} device={device} />
}

function Device({ device }: { readonly device: string }) {
  useTitle(device)
  // The router leaves parameters in that were not understood.
  const search = readDeviceSearch(route.useSearch())
  const navigate = route.useNavigate()
  const zone = usePreference(zonePreference)
  const { feed, newest, latest } = useDeviceFeed(device)
  const range = rangeOf(search)
  const drawn = drawnMetrics(newest, search.metrics)

  const go = (change: typeof search) => {
    navigate({ search: change, resetScroll: false }).catch(console.error)
  }
  const keep = search.metrics === undefined ? {} : { metrics: search.metrics }
  const showLive = (name: LiveRange) => go({ ...keep, range: name })
  const showWindow = ({ from, to }: Window) => go({ ...search, from: Math.round(from), to: Math.round(to) })
  const reset = () => go({ ...keep, ...(search.range === undefined ? {} : { range: search.range }) })
  const toggle = (metric: string) => {
    const names = [...drawn.keys()]
    const metrics = drawn.has(metric) ? names.filter((name) => name !== metric) : [...names, metric]
    go({ ...search, metrics })
  }

  return (
    <div className="page pt-6">
      <nav aria-label="Place" className="text-sm">
        <Link to="/" className="text-link">
          Devices
        </Link>
      </nav>
      <div className="mt-1 mb-5 flex flex-wrap items-end justify-between gap-x-8 gap-y-4">
        <div className="min-w-0">
          <h1 className="text-[1.7rem] leading-tight font-bold tracking-[-0.015em] wrap-anywhere">
            {device}
          </h1>
          <Facts newest={newest} />
        </div>
        <ExportMenu device={device} windowNow={() => windowOf(range, now())} />
      </div>
      {latest.error !== null && newest.length === 0 ? (
        <Fault what="This device" error={latest.error} onRetry={() => void latest.refetch()} />
      ) : latest.data === undefined ? (
        <Reading what="the device" />
      ) : newest.length === 0 ? (
        <Notice title="Nothing is stored of this device">
          It may never have sent anything, or its rows were deleted. As soon as it sends, this page fills by
          itself.
        </Notice>
      ) : (
        <>
          <div className="sticky top-0 z-20 -mx-4 mb-4 flex flex-wrap items-center gap-x-4 gap-y-2 border-y border-line bg-ground px-4 py-2.5 max-sm:static">
            <RangePicker range={range} zone={zone} onLive={showLive} onWindow={showWindow} />
            {range.kind === 'fixed' ? (
              <Button onClick={reset}>Back to live</Button>
            ) : (
              <p className="text-xs text-ink-3 max-lg:hidden">Drag over a chart to look closer.</p>
            )}
          </div>
          <div className="grid items-start gap-x-10 gap-y-6 lg:grid-cols-[17rem_minmax(0,1fr)]">
            <section aria-labelledby="metrics" className="lg:sticky lg:top-20">
              <h2 id="metrics" className="mb-2 text-xl font-semibold">
                Metrics
              </h2>
              <MetricList latest={newest} drawn={drawn} onToggle={toggle} />
            </section>
            <div className="grid min-w-0 grid-cols-1 gap-5">
              {newest
                .filter((one) => drawn.has(one.metric))
                .map((one) => (
                  <MetricChart
                    key={one.metric}
                    feed={feed}
                    device={device}
                    latest={one}
                    range={range}
                    zone={zone}
                    color={drawn.get(one.metric) ?? '--trace-1'}
                    onZoom={showWindow}
                  />
                ))}
              {drawn.size === 0 && <p className="text-ink-2">Tick a metric to draw it.</p>}
            </div>
          </div>
          <RowsTable
            key={JSON.stringify([search.range, search.from, search.to])}
            first={[...drawn.keys()][0] ?? newest[0]?.metric ?? ''}
            device={device}
            latest={newest}
            range={range}
            zone={zone}
          />
        </>
      )}
    </div>
  )
}

function Facts({ newest }: { readonly newest: readonly { readonly time: number }[] }) {
  const present = useNow()
  const zone = usePreference(zonePreference)
  if (newest.length === 0) return null
  const time = newest.reduce((last, one) => Math.max(last, one.time), 0)
  return (
    <p className="mt-1 text-sm text-ink-2">
      {formatCounted(newest.length, 'metric')}, last seen{' '}
      <time title={formatMoment(time, zone)}>{formatAgo(present - time)}</time>
    </p>
  )
}
