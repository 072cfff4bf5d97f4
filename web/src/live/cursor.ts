import { decodeCursor } from '../../../src/core/position.ts'

/** Whether everything before `cursor` lies before `wholeTo` too. Without knowing, no: a row twice is drawn once, a lost one never. */
export function isWithin(cursor: string, wholeTo: string | undefined): boolean {
  const reached = wholeTo === undefined ? undefined : decodeCursor(wholeTo)
  const wanted = decodeCursor(cursor)
  if (reached === undefined || wanted === undefined) return false
  return wanted.every((position) =>
    reached.some(
      (r) => r.log === position.log && r.partition === position.partition && r.next >= position.next,
    ),
  )
}

/** The cursor that all of them reach; undefined where they are of several logs. */
export function commonCursor(cursors: readonly string[]): string | undefined {
  return cursors.find((cursor) => cursors.every((other) => isWithin(cursor, other)))
}
