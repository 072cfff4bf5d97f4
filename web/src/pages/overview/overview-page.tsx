import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { devicesPerPage, devicesQuery, statusQuery } from '../../api/queries.ts'
import { SearchIcon } from '../../ui/icons.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Reading } from '../../ui/notice.tsx'
import { useTitle } from '../../ui/title.ts'
import { formatCount } from '../../format/number.ts'
import { Alarms } from './alarms.tsx'
import { Books } from './books.tsx'
import { DeviceTable } from './device-table.tsx'
import { FirstSteps } from './first-steps.tsx'
import { FlowBand } from './flow-band.tsx'

const route = getRouteApi('/')

/** Everything at a glance: what flows, whether the books balance, and every device with what it said last. */
export function OverviewPage() {
  useTitle('Overview')
  const status = useQuery(statusQuery)
  const isEmpty = useIsEmpty()
  // One answer that is late is none that is missing.
  const isAnswering = status.data === undefined || status.failureCount < 2
  useNewcomers(status.data?.status.series)
  return (
    <>
      <h1 className="sr-only">Overview</h1>
      <FlowBand
        status={status.data?.status}
        rates={status.data?.rates ?? []}
        staleSince={isAnswering ? undefined : status.dataUpdatedAt}
      />
      <div className="page pt-6">
        {status.error !== null && status.data === undefined && (
          <Fault what="The server's state" error={status.error} onRetry={() => void status.refetch()} />
        )}
        {status.data !== undefined && <Alarms alarms={status.data.status.alarms} />}
        <div className="grid items-start gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_17.5rem]">
          {isEmpty ? <FirstSteps mqttAddress={status.data?.status.mqttAddress ?? ''} /> : <Devices />}
          {status.data !== undefined && <Books status={status.data.status} />}
        </div>
      </div>
    </>
  )
}

/** Looks for new devices as soon as there is a new series, and once more when the store surely has it. */
function useNewcomers(series: number | undefined): void {
  const queries = useQueryClient()
  useEffect(() => {
    if (series === undefined) return
    const look = () => {
      queries.invalidateQueries({ queryKey: ['devices'] }).catch(console.error)
    }
    look()
    const timer = setTimeout(look, 800)
    return () => clearTimeout(timer)
  }, [queries, series])
}

function useIsEmpty(): boolean {
  const all = useQuery(devicesQuery('', ''))
  return all.data?.total === 0
}

function Devices() {
  const [search, setSearch] = useSearch()
  const wanted = useSettled(search.trim(), settleMs)
  const [turned, setTurned] = useState<{ readonly of: string; readonly cursors: readonly string[] }>()
  // Another search begins at its first page.
  const cursors = turned?.of === wanted ? turned.cursors : []
  const query = useQuery(devicesQuery(wanted, cursors.at(-1) ?? ''))
  const page = query.data

  return (
    <section aria-labelledby="devices" className="min-w-0">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <h2 id="devices" className="text-xl font-semibold">
          Devices
          {page !== undefined && (
            <span className="ml-2.5 text-base font-normal text-ink-3">{formatCount(page.total)}</span>
          )}
        </h2>
        <label className="relative max-sm:w-full">
          <span className="sr-only">Find devices by any part of their name</span>
          <span className="pointer-events-none absolute top-[0.55rem] left-2.5 text-ink-3">
            <SearchIcon />
          </span>
          <input
            type="search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            placeholder="Find a device"
            className="field w-full pl-9! sm:w-64"
          />
        </label>
      </div>
      {query.error !== null && page === undefined ? (
        <Fault what="The devices" error={query.error} onRetry={() => void query.refetch()} />
      ) : page === undefined ? (
        <Reading what="devices" />
      ) : page.total === 0 && wanted !== '' ? (
        <p role="status" className="border-t border-line-strong py-8 text-ink-2">
          No device is named like “{wanted}”.{' '}
          <button type="button" className="text-link" onClick={() => setSearch('')}>
            Show all
          </button>
        </p>
      ) : (
        <DeviceTable
          page={page}
          before={cursors.length * devicesPerPage}
          isTurning={query.isPlaceholderData}
          onPrevious={() => setTurned({ of: wanted, cursors: cursors.slice(0, -1) })}
          onNext={(cursor) => setTurned({ of: wanted, cursors: [...cursors, cursor] })}
        />
      )}
    </section>
  )
}

/** Typing is over when no key came for this long: the server looks for words, not for letters. */
const settleMs = 150

/** What is searched for, kept in the address: going back from a device finds it again. */
function useSearch(): [search: string, setSearch: (search: string) => void] {
  const { q = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const [search, setSearch] = useState(q)
  const written = useRef(q)
  useEffect(() => {
    if (q === written.current) return
    written.current = q
    setSearch(q)
  }, [q])
  const change = (next: string) => {
    setSearch(next)
    written.current = next
    navigate({ search: next === '' ? {} : { q: next }, replace: true, resetScroll: false }).catch(
      console.error,
    )
  }
  return [search, change]
}

function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}
