import { isApplied } from './applied.ts'
import type { RestParts } from './rest-parts.ts'

/**
 * Bytes of the letters and records that the store holds once it has applied everything added before; what the intake counts by device is set right
 * by them. Undefined where the store needs longer. A letter that comes meanwhile makes the room too little, never too much.
 */
export async function heldLetters(
  {
    intake,
    store,
    passed,
  }: Pick<RestParts, 'passed'> & {
    readonly intake: Pick<RestParts['intake'], 'durable' | 'recount'>
    readonly store: Pick<RestParts['store'], 'documentBytes'>
  },
  gone: AbortSignal,
): Promise<number | undefined> {
  const counted = intake.recount()
  try {
    const { position } = await intake.durable()
    if (!(await isApplied(passed, 'dead-letters', position, gone))) return undefined
    const { total, devices } = await store.documentBytes('dead-letters', gone)
    counted.set(devices)
    return total
  } finally {
    counted.end()
  }
}
