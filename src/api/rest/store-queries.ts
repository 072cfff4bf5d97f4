import type { Store } from '../../core/store.ts'

/** What the routes ask of a store. */
export type StoreQueries = Pick<
  Store,
  'range' | 'buckets' | 'latest' | 'devices' | 'series' | 'documents' | 'documentBytes' | 'count' | 'export'
>
