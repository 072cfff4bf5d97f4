import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { now } from '../clock.ts'
import { stepName } from '../chart/resolution.ts'
import { readLetter, readLetters } from './letters.ts'
import { readBuckets, readDevices, readLatest, readRows } from './readings.ts'
import { get } from './request.ts'
import { Rates } from './rates.ts'
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

/** Devices on one page; only these are followed live. */
export const devicesPerPage = 25

export const devicesQuery = (match: string, cursor: string) =>
  queryOptions({
    queryKey: ['devices', match, cursor],
    queryFn: ({ signal }) =>
      get('/api/v1/devices', { match, cursor, limit: devicesPerPage }, readDevices, signal),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
  })

/** Newest value of each metric. */
export const latestQuery = (device: string) =>
  queryOptions({
    queryKey: ['latest', device],
    queryFn: ({ signal }) => get('/api/v1/latest', { device, limit: 10_000 }, readLatest, signal),
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
      get(
        '/api/v1/dead-letters',
        { ...filter, bytes: 'omit', limit: 20, cursor: pageParam },
        readLetters,
        signal,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })

/** Letters counted at most: a list of more says nothing that a person would want to know exactly. */
export const mostCounted = 1000

/** How many fit, and whether there are more. */
export const letterCountQuery = (filter: LetterFilter) =>
  queryOptions({
    queryKey: ['letters', 'count', filter],
    queryFn: async ({ signal }) => {
      const parameters = { ...filter, bytes: 'omit', limit: mostCounted }
      const { rows, next } = await get('/api/v1/dead-letters', parameters, readLetters, signal)
      return { count: rows.length, isMore: next !== undefined }
    },
    gcTime: 0,
  })

/** One letter with its bytes, which never change. */
export const letterQuery = (id: string) =>
  queryOptions({
    queryKey: ['letter', id],
    queryFn: ({ signal }) => get(`/api/v1/dead-letters/${id}`, {}, readLetter, signal),
    staleTime: Infinity,
  })
