import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { now } from '../clock.ts'
import { stepName } from '../chart/resolution.ts'
import { readLetters } from './letters.ts'
import { readBuckets, readDevices, readLatest, readRows } from './readings.ts'
import { get } from './request.ts'
import { Rates } from './rates.ts'
import { storeCursor } from './store-cursor.ts'
import { readStatus } from './status.ts'

const rates = new Rates()

/** Books, log and sinks, with the rates that follow from one answer to the next. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: async ({ signal }) => {
    const status = await get('/status', {}, readStatus, signal)
    return { status, rates: rates.add(now(), status) }
  },
  refetchInterval: 1000,
})

export const devicesQuery = (prefix: string) =>
  queryOptions({
    queryKey: ['devices', prefix],
    queryFn: ({ signal }) => get('/api/v1/devices', { prefix, limit: 1000 }, readDevices, signal),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
  })

/** Newest value of each metric, and the cursor up to which they are whole at least. */
export const latestQuery = (device: string) =>
  queryOptions({
    queryKey: ['latest', device],
    queryFn: async ({ signal }) => {
      const cursor = await storeCursor(signal)
      return { ...(await get('/api/v1/latest', { device, limit: 10_000 }, readLatest, signal)), cursor }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

export interface Span {
  readonly device: string
  readonly metric: string
  readonly from: number
  readonly to: number
}

export function fetchRows(span: Span, limit: number, signal: AbortSignal) {
  return get('/api/v1/readings', { ...span, limit }, readRows, signal)
}

export function fetchBuckets(span: Span, stepMs: number, signal: AbortSignal) {
  const parameters = {
    ...span,
    step: stepName(stepMs),
    aggregate: 'avg,min,max,count,worstQuality',
    limit: 100_000,
  }
  return get('/api/v1/readings', parameters, readBuckets, signal)
}

export const rowsQuery = (span: Span) =>
  infiniteQueryOptions({
    queryKey: ['rows', span],
    queryFn: ({ signal, pageParam }) =>
      get('/api/v1/readings', { ...span, order: 'desc', limit: 50, cursor: pageParam }, readRows, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })

export interface LetterFilter {
  readonly code?: string | undefined
  readonly source?: string | undefined
  readonly device?: string | undefined
  readonly from?: string | undefined
}

export const lettersQuery = (filter: LetterFilter) =>
  infiniteQueryOptions({
    queryKey: ['letters', filter],
    queryFn: ({ signal, pageParam }) =>
      get('/api/v1/dead-letters', { ...filter, limit: 20, cursor: pageParam }, readLetters, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })
