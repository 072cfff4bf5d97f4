import type { Readings } from './batch.ts'

/**
 * A step between log and sink. Pure per batch: the same batch in gives the same batch out, so that a retry changes nothing;
 * memory, where a processor has any, is keyed by number. It returns the very same object when nothing changes,
 * and rows keep their numbers.
 */
export interface Processor {
  readonly name: string
  process(batch: Readings): Readings
}
