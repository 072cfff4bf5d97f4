import { z } from 'zod'
import { SluiceError } from '../../core/errors.ts'
import type { DocumentRow } from '../../core/store.ts'
import { type LetterBody, letterQuery, readLetter } from './letter-filter.ts'
import * as given from './parameters.ts'
import type { StoreQueries } from './store-queries.ts'

/** The id of a letter, in a path. */
export const letterId = given.parameter((text) => given.sequence.safeParse(text).data, 'the id of a letter', {
  type: 'string',
  description: 'As the list gave it.',
})

/** @throws SluiceError `not-found`, saying what became of it. */
export async function findLetter(
  store: Pick<StoreQueries, 'documents'>,
  id: bigint,
  signal: AbortSignal,
): Promise<{ readonly row: DocumentRow; readonly letter: LetterBody }> {
  const [row] = await store.documents({ ...letterQuery({}, id + 1n), limit: 1 }, signal)
  const letter = row?.seq === id ? readLetter(row.body, {}) : undefined
  if (row !== undefined && letter !== undefined) return { row, letter }
  throw new SluiceError('not-found', `there is no letter ${id}${await fateOf(store, id, signal)}`)
}

const recordBody = z.object({
  discarded: z.array(z.tuple([z.string(), z.number()])),
  principal: z.string(),
  replayed: z.boolean().optional(),
})

/** What the record says that took it away, as long as that is kept. */
async function fateOf(
  store: Pick<StoreQueries, 'documents'>,
  id: bigint,
  signal: AbortSignal,
): Promise<string> {
  const query = { ...letterQuery({}, undefined), match: `["${id}",`, limit: 10 }
  for (const { body } of await store.documents(query, signal)) {
    if (!body.startsWith('{"discarded":')) continue
    const { data } = recordBody.safeParse(JSON.parse(body))
    if (data?.discarded.some(([number]) => number === String(id)))
      return `: ${data.principal} has ${data.replayed === true ? 'replayed' : 'discarded'} it`
  }
  return ''
}
