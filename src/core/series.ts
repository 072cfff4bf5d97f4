/** A series is one metric of one device. Inside Sluice it is this integer, given by the log and never reused. */
export type SeriesId = number

/** The names behind a series id. */
export interface SeriesName {
  readonly device: string
  readonly metric: string
  /** Unit as the sender wrote it, '' if it never did. */
  readonly unit: string
}

/** A name that stands in the log's dictionary. */
export interface NewSeries extends SeriesName {
  readonly id: SeriesId
}

/** The dictionary, for reading. Ids are dense from 0, so an array indexed by id is a good cache. */
export interface SeriesNames {
  /** The names of a series; undefined only for an id that no commit has introduced. */
  get(id: SeriesId): SeriesName | undefined
  /** One more than the highest id known. */
  readonly size: number
  /** Grows when a known name changes, as it does when its unit becomes known: what was remembered of names is to be asked for again. */
  readonly version: number
}
