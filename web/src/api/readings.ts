import { good } from '../../../src/core/quality.ts'
import { list, members, number, optionalNumber, optionalText, scalar, text } from './decode.ts'

/** Answers of /api/v1 about devices, series and readings. Times are ms since 1970, with fractions. */

export interface DeviceRow {
  readonly device: string
  readonly series: number
  readonly lastTime: number
}

export interface Latest {
  readonly device: string
  readonly metric: string
  readonly unit: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
}

export interface ReadingRow {
  readonly metric: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
}

export interface Bucket {
  readonly metric: string
  readonly time: number
  readonly avg: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
  readonly count: number
  /** The lowest of the bucket's rows. */
  readonly worstQuality: number
}

/** Rows, and the cursor of the page behind them where there is one. */
export interface Answer<T> {
  readonly rows: readonly T[]
  readonly next: string | undefined
}

/** What of the readings an answer holds at least: everything before the live cursor. */
export interface AsOf {
  readonly asOf: string
}

export interface DevicePage extends Answer<DeviceRow> {
  /** Devices that fit, on all pages. */
  readonly total: number
}

export function readDevices(value: unknown): DevicePage {
  const total = number(members(value, 'answer')['total'], 'total')
  const page = answer(value, 'devices', (item, path) => {
    const row = members(item, path)
    return {
      device: text(row['device'], `${path}.device`),
      series: number(row['series'], `${path}.series`),
      lastTime: number(row['lastTime'], `${path}.lastTime`),
    }
  })
  return { ...page, total }
}

export function readLatest(value: unknown): Answer<Latest> & AsOf {
  return answer(value, 'latest', (item, path) => {
    const row = members(item, path)
    return {
      device: text(row['device'], `${path}.device`),
      unit: optionalText(row['unit'], `${path}.unit`) ?? '',
      ...reading(item, path),
    }
  })
}

export function readRows(value: unknown): Answer<ReadingRow> & AsOf {
  return answer(value, 'rows', reading)
}

export function readBuckets(value: unknown): Answer<Bucket> & AsOf {
  return answer(value, 'buckets', (item, path) => {
    const row = members(item, path)
    return {
      metric: text(row['metric'], `${path}.metric`),
      time: number(row['time'], `${path}.time`),
      avg: optionalNumber(row['avg'], `${path}.avg`),
      min: optionalNumber(row['min'], `${path}.min`),
      max: optionalNumber(row['max'], `${path}.max`),
      count: optionalNumber(row['count'], `${path}.count`) ?? 0,
      worstQuality: optionalNumber(row['worstQuality'], `${path}.worstQuality`) ?? good,
    }
  })
}

function reading(value: unknown, path: string): ReadingRow {
  const row = members(value, path)
  return {
    metric: text(row['metric'], `${path}.metric`),
    time: number(row['time'], `${path}.time`),
    value: scalar(row['value'], `${path}.value`),
    quality: number(row['quality'], `${path}.quality`),
  }
}

function answer<T>(
  value: unknown,
  name: string,
  item: (value: unknown, path: string) => T,
): Answer<T> & AsOf {
  const body = members(value, 'answer')
  return {
    rows: list(body[name], name, item),
    next: optionalText(body['next'], 'next'),
    asOf: text(body['asOf'], 'asOf'),
  }
}
