import type { ReplayBound } from '../../core/replay.ts'
import { SluiceError } from '../../core/errors.ts'
import { diskStorage } from '../../lib/storage.ts'
import { findWritten, firstWritten } from '../../log/embedded/find-time.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'

type BoundedLog = Pick<EmbeddedLog, 'id' | 'status' | 'tail'>

/**
 * The numbers between two bounds, the first included and the last not. A time is that of writing into the log.
 * @throws SluiceError `bad-request` where the log does not hold what is asked for.
 */
export async function boundsOf(
  log: BoundedLog,
  folder: string,
  from: ReplayBound | undefined,
  to: ReplayBound | undefined,
): Promise<{ readonly from: bigint; readonly until: bigint }> {
  const mark = log.tail.watermark()
  const first = await firstWritten(diskStorage, folder, mark)
  if (first === undefined) throw new SluiceError('bad-request', 'the log holds nothing yet')
  const holds = `the log holds what was written since ${timeText(first.micros)}`
  const end = BigInt(mark.next)

  const begin = async (): Promise<bigint> => {
    if (from === undefined) return BigInt(first.number)
    if (from.kind === 'cursor') {
      const { next } = placeIn(log, from)
      if (next < BigInt(first.number))
        throw new SluiceError('bad-request', `from: ${holds}, and the cursor is older`)
      if (next > end) throw new SluiceError('bad-request', 'from: the cursor lies behind the end of the log')
      return next
    }
    // Where nothing has been removed, everything that was ever written is there.
    if (from.micros < first.micros && first.number > 0)
      throw new SluiceError('bad-request', `from: ${holds}; what came before was removed`)
    const found = await findWritten(diskStorage, folder, mark, from.micros)
    return found === undefined ? end : BigInt(found.number)
  }
  const last = async (): Promise<bigint> => {
    if (to === undefined) return end
    if (to.kind === 'cursor') {
      const { next } = placeIn(log, to)
      return next < end ? next : end
    }
    const found = await findWritten(diskStorage, folder, mark, to.micros)
    return found === undefined ? end : BigInt(found.number)
  }
  const bounds = { from: await begin(), until: await last() }
  if (bounds.from >= bounds.until)
    throw new SluiceError('bad-request', 'from: nothing was written between the bounds')
  return bounds
}

function placeIn(log: BoundedLog, { position }: Extract<ReplayBound, { kind: 'cursor' }>): { next: bigint } {
  if (position.log !== log.id)
    throw new SluiceError('bad-request', `the cursor is of log ${position.log}, and this is log ${log.id}`)
  if (position.partition !== 0)
    throw new SluiceError(
      'bad-request',
      `the cursor is of partition ${position.partition}, and this log has 0 alone`,
    )
  return position
}

function timeText(micros: number): string {
  return new Date(micros / 1000).toISOString()
}
