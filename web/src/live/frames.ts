import { AnswerFault, list, members, number, optionalText, scalar, text } from '../api/decode.ts'

/** What the server sends on /ws, as text frames of JSON. */
export type ServerFrame =
  | { readonly type: 'hello'; readonly cursor: string }
  | { readonly type: 'subscribed'; readonly id: string; readonly cursor: string }
  | {
      readonly type: 'readings'
      readonly id: string
      readonly cursor: string
      /** Names for numbers that have not been used before. */
      readonly series: readonly SeriesName[]
      readonly rows: readonly FrameRow[]
    }
  | { readonly type: 'gap'; readonly id: string; readonly rows: number; readonly to: string | undefined }
  | {
      readonly type: 'error'
      readonly id: string | undefined
      readonly code: string
      readonly message: string
    }
  | { readonly type: 'pong' }

type SeriesName = readonly [n: number, device: string, metric: string, unit: string]
type FrameRow = readonly [n: number, time: number, value: number | string, quality: number]

/** @throws AnswerFault where the text is no frame that this app knows. */
export function readFrame(frame: string): ServerFrame {
  const body = members(parse(frame), 'frame')
  switch (body['type']) {
    case 'hello':
      return { type: 'hello', cursor: text(body['cursor'], 'cursor') }
    case 'subscribed':
      return { type: 'subscribed', id: id(body['id']), cursor: text(body['cursor'], 'cursor') }
    case 'readings':
      return {
        type: 'readings',
        id: id(body['id']),
        cursor: text(body['cursor'], 'cursor'),
        series: list(body['series'] ?? [], 'series', readName),
        rows: list(body['rows'], 'rows', readRow),
      }
    case 'gap':
      return {
        type: 'gap',
        id: id(body['id']),
        rows: number(body['rows'], 'rows'),
        to: optionalText(body['to'], 'to'),
      }
    case 'error':
      return {
        type: 'error',
        id: body['id'] === undefined ? undefined : id(body['id']),
        code: text(body['code'], 'code'),
        message: text(body['message'], 'message'),
      }
    case 'pong':
      return { type: 'pong' }
    default:
      throw new AnswerFault('type', 'a kind of frame')
  }
}

function readName(value: unknown, path: string): SeriesName {
  const [n, device, metric, unit] = list(value, path, (item) => item)
  return [number(n, path), text(device, path), text(metric, path), optionalText(unit, path) ?? '']
}

function readRow(value: unknown, path: string): FrameRow {
  const [n, time, reading, quality] = list(value, path, (item) => item)
  return [number(n, path), number(time, path), scalar(reading, path), number(quality, path)]
}

function id(value: unknown): string {
  return typeof value === 'number' ? String(value) : text(value, 'id')
}

function parse(frame: string): unknown {
  try {
    return JSON.parse(frame)
  } catch {
    throw new AnswerFault('frame', 'JSON')
  }
}
