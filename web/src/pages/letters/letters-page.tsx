import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { errorTable } from '../../../../src/core/errors.ts'
import type { LetterRow } from '../../api/letters.ts'
import { lettersQuery, statusQuery } from '../../api/queries.ts'
import { now } from '../../clock.ts'
import { formatAgo, formatMoment, zoneName } from '../../format/time.ts'
import { useNow } from '../../state/now.ts'
import { usePreference } from '../../state/preference.ts'
import { zonePreference } from '../../state/preferences.ts'
import { Button } from '../../ui/button.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Notice, Reading } from '../../ui/notice.tsx'
import { useTitle } from '../../ui/title.ts'
import { AllLetters } from './all-letters.tsx'
import { LetterDrawer } from './letter-drawer.tsx'
import { type LetterSearch, readLetterSearch, sinces } from './letter-search.ts'

const route = getRouteApi('/dead-letters')

/** Codes that a letter can carry: those whose mending is the sender's, and some that somebody here must mend. */
const letterCodes = [
  ...Object.entries(errorTable)
    .filter(([, row]) => row.actor === 'sender')
    .map(([code]) => code),
  ...['not-ingest', 'not-allowed', 'series-limit'],
]

/** Records that could not be taken: why, from whom, and their bytes as they came. */
export function LettersPage() {
  useTitle('Dead letters')
  // The router leaves parameters in that were not understood.
  const search = readLetterSearch(route.useSearch())
  const navigate = route.useNavigate()
  const [open, setOpen] = useState<LetterRow>()
  const { since, ...names } = search
  const filter = { ...names, from: since === undefined ? undefined : `-${since}` }
  const query = useInfiniteQuery(lettersQuery(filter))
  useNewLetters(query.refetch)
  const letters = query.data?.pages.flatMap((page) => page.rows) ?? []
  const isFiltered = Object.keys(search).length > 0
  const show = (next: LetterSearch) => {
    navigate({ search: next, replace: true }).catch(console.error)
  }

  return (
    <div className="page pt-6">
      <h1 className="text-[1.7rem] leading-tight font-bold tracking-[-0.015em]">Dead letters</h1>
      <p className="mt-1 mb-5 max-w-[42rem] text-ink-2">
        Records that could not be taken, kept with the reason and their bytes as they came. Nothing here is
        lost, and nothing here stopped its neighbours.{' '}
        <Link to="/codes" className="text-link">
          What the codes mean
        </Link>
      </p>
      <Filters search={search} onChange={show} sources={sourcesOf(letters, search.source)} />
      {query.error !== null && query.data === undefined ? (
        <Fault what="The dead letters" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.data === undefined ? (
        <Reading what="dead letters" />
      ) : letters.length === 0 ? (
        <Notice title={isFiltered ? 'No letter fits' : 'No dead letters'}>
          {isFiltered ? (
            <button type="button" className="text-link" onClick={() => show({})}>
              Show all
            </button>
          ) : (
            'Everything that came could be read. What cannot be will stand here, with its reason.'
          )}
        </Notice>
      ) : (
        <LetterTable letters={letters} onOpen={setOpen} />
      )}
      {letters.length > 0 && <AllLetters filter={filter} />}
      {query.hasNextPage && (
        <div className="mt-4">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {query.isFetchingNextPage ? 'Reading…' : 'Older letters'}
          </Button>
        </div>
      )}
      <LetterDrawer letter={open} onClose={() => setOpen(undefined)} />
    </div>
  )
}

/** Reads the list again when the books say that there are more letters. */
function useNewLetters(refetch: () => Promise<unknown>): void {
  const status = useQuery(statusQuery)
  const letters = status.data?.status.sinks.find((sink) => sink.stream === 'dead-letters')?.books.handed
  const last = useRef(letters)
  useEffect(() => {
    const before = last.current
    last.current = letters
    if (before !== undefined && letters !== undefined && letters > before) refetch().catch(console.error)
  }, [letters, refetch])
}

interface FiltersProps {
  readonly search: LetterSearch
  readonly sources: readonly string[]
  readonly onChange: (search: LetterSearch) => void
}

function Filters({ search, sources, onChange }: FiltersProps) {
  const [device, setDevice] = useState(search.device ?? '')
  // An empty choice leaves the address.
  const change = (part: Record<string, string>) => onChange(readLetterSearch({ ...search, ...part }))
  return (
    <form
      aria-label="Filter"
      className="mb-4 grid gap-3 sm:flex sm:flex-wrap sm:items-end"
      onSubmit={(event) => {
        event.preventDefault()
        change({ device })
      }}
    >
      <div className="grid grid-cols-2 gap-3 sm:flex">
        <label className="grid gap-1 text-xs text-ink-2">
          Code
          <select
            className="field"
            value={search.code ?? ''}
            onChange={(event) => change({ code: event.target.value })}
          >
            <option value="">any</option>
            {letterCodes.map((code) => (
              <option key={code}>{code}</option>
            ))}
          </select>
        </label>
        <label className="grid gap-1 text-xs text-ink-2">
          Source
          <select
            className="field"
            value={search.source ?? ''}
            onChange={(event) => change({ source: event.target.value })}
          >
            <option value="">any</option>
            {sources.map((source) => (
              <option key={source}>{source}</option>
            ))}
          </select>
        </label>
        <label className="grid gap-1 text-xs text-ink-2">
          Time
          <select
            className="field"
            value={search.since ?? ''}
            onChange={(event) => change({ since: event.target.value })}
          >
            <option value="">any</option>
            {sinces.map((name) => (
              <option key={name} value={name}>
                last {name}
              </option>
            ))}
          </select>
        </label>
        <label className="grid gap-1 text-xs text-ink-2">
          Device
          <input
            className="field w-full sm:w-52"
            value={device}
            placeholder="whole name"
            onChange={(event) => setDevice(event.target.value)}
            onBlur={() => device !== (search.device ?? '') && change({ device })}
          />
        </label>
      </div>
    </form>
  )
}

function LetterTable({
  letters,
  onOpen,
}: {
  readonly letters: readonly LetterRow[]
  readonly onOpen: (letter: LetterRow) => void
}) {
  const present = useNow(5000)
  const zone = usePreference(zonePreference)
  return (
    <table className="data w-full table-fixed">
      <thead>
        <tr>
          <th scope="col" className="w-[11.5rem] max-lg:hidden">
            Time, {zoneName(zone, now())}
          </th>
          <th scope="col" className="max-lg:pl-0!">
            Reason
          </th>
          <th scope="col" className="w-[24%] max-md:hidden">
            Device or topic
          </th>
          <th scope="col" className="w-[5rem] max-md:hidden">
            Source
          </th>
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.id} className="relative hover:bg-surface">
            <td className="text-sm whitespace-nowrap text-ink-2 max-lg:hidden">
              {formatMoment(letter.time, zone)}
            </td>
            <td className="max-lg:pl-0! max-md:pr-0!">
              <button
                type="button"
                onClick={() => onOpen(letter)}
                className="block text-left text-[0.95rem] wrap-anywhere after:absolute after:inset-0 hover:text-accent"
              >
                {letter.reason}
              </button>
              <p className="mt-0.5 flex flex-wrap gap-x-3 text-xs text-ink-3">
                <span className="text-warn">{letter.code}</span>
                <span className="lg:hidden">{formatAgo(present - letter.time)}</span>
                <span className="md:hidden">
                  {letter.source} {letter.device ?? letter.topic ?? letter.offset}
                </span>
              </p>
            </td>
            <td className="text-sm wrap-anywhere max-md:hidden">
              {letter.device ?? letter.topic ?? letter.offset ?? '–'}
            </td>
            <td className="text-sm text-ink-2 max-md:hidden">{letter.source}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The usual doors, and whatever else letters came from. */
function sourcesOf(letters: readonly LetterRow[], chosen: string | undefined): string[] {
  const found = letters.map(({ source }) => source)
  return [...new Set(['mqtt', 'http', ...found, ...(chosen === undefined ? [] : [chosen])])]
}
