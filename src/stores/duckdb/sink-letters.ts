import { type Documents, numberAt } from '../../core/batch.ts'
import { type DiscardedLetter, readDiscard } from '../../core/discard.ts'
import { type KeyedLetter, readKeyedLetter } from '../../core/letter-key.ts'
import { bytesAt } from '../../core/text-column.ts'
import { type Sql, toBigint, toNumber, toText } from './sql.ts'

/** What a batch has of the letters of sinks. */
export interface LettersOfBatch {
  /** Rows that are letters whose key stands already: the runner put them again after a kill. */
  readonly repeated: ReadonlySet<number>
  readonly keys: ReadonlySet<string>
  /** To be called once the batch is committed. */
  commit(): void
}

/**
 * Finds the letters that sinks have put twice. A row that a sink refuses makes a letter of a key before the sink's position moves: killed in
 * between, it makes another. While one stands the next is a repeat; behind its discard or replay it is a new one, of a row refused again.
 */
export class SinkLetters {
  /** The highest number that letters of each sink and log had. What lies above has no letter yet, and nothing is looked for. */
  #highest: Map<string, bigint> | undefined

  /** `undefined` where no row of the batch is a sink's letter. To be called in the transaction of the write. */
  async find(sql: Sql, table: string, batch: Documents): Promise<LettersOfBatch | undefined> {
    const letters = new Map<number, KeyedLetter>()
    for (let i = 0; i < batch.length; i++) {
      const letter = readKeyedLetter(bytesAt(batch.body, i))
      if (letter !== undefined) letters.set(i, letter)
    }
    if (letters.size === 0) return undefined
    const highest = (this.#highest ??= await readHighest(sql, table))
    const known = [...letters.values()].filter(
      (letter) => letter.number <= (highest.get(laneOf(letter)) ?? -1n),
    )
    const standing = new Map<string, DiscardedLetter[]>()
    if (known.length > 0)
      for (const { key, ...letter } of await findLetters(sql, table, new Set(known.map((one) => one.key))))
        standing.set(key, [...(standing.get(key) ?? []), letter])
    const repeated = new Set<number>()
    for (let i = 0; i < batch.length; i++) {
      const letter = letters.get(i)
      if (letter === undefined) forget(standing, readDiscard(bytesAt(batch.body, i)) ?? [])
      else {
        const own = { number: numberAt(batch, i), time: Math.floor(batch.time[i] as number) }
        const same = standing.get(letter.key) ?? []
        // The very letter, come once more: that is for its number to say.
        const isItself = same.some((other) => isSame(other, own))
        if (same.length > 0 && !isItself) repeated.add(i)
        else if (!isItself) standing.set(letter.key, [own])
      }
    }
    const keys = new Set([...letters.values()].map(({ key }) => key))
    return { repeated, keys, commit: () => raise(highest, letters.values()) }
  }
}

function raise(highest: Map<string, bigint>, letters: Iterable<KeyedLetter>): void {
  for (const letter of letters) {
    const lane = laneOf(letter)
    if (letter.number > (highest.get(lane) ?? -1n)) highest.set(lane, letter.number)
  }
}

const laneOf = ({ sink, log }: KeyedLetter): string => `${sink}/${log}`

/** A device may have a name of this form too: then something is looked for that is not there. */
async function readHighest(sql: Sql, table: string): Promise<Map<string, bigint>> {
  const rows = await sql.rows(
    `SELECT regexp_extract(key, '^(.*)/', 1) AS lane, max(CAST(regexp_extract(key, '[0-9]+$') AS BIGINT))
      FROM ${table} WHERE regexp_full_match(key, '[^/]+/[^/]+/[0-9]{1,18}') GROUP BY lane`,
  )
  return new Map(rows.map(([lane, number]) => [toText(lane), toBigint(number)]))
}

interface StandingLetter extends DiscardedLetter {
  readonly key: string
  readonly origin: number
}

/** Letters of the table that have one of the keys. */
async function findLetters(sql: Sql, table: string, keys: Iterable<string>): Promise<StandingLetter[]> {
  await sql.run('CREATE OR REPLACE TEMP TABLE letter_keys_in (key VARCHAR)')
  const appender = await sql.connection.createAppender('letter_keys_in', 'main', 'temp')
  for (const key of keys) {
    appender.appendVarchar(key)
    appender.endRow()
  }
  appender.closeSync()
  const rows = await sql.rows(
    `SELECT seq, time, origin, body FROM ${table} WHERE key IN (SELECT key FROM temp.letter_keys_in)`,
  )
  return rows.flatMap(([seq, time, origin, body]) => {
    const key = readKeyedLetter(new TextEncoder().encode(toText(body)))?.key
    if (key === undefined) return [] // of a door: its device has such a name
    return [{ key, number: toBigint(seq), time: toNumber(time), origin: toNumber(origin) }]
  })
}

function forget(standing: Map<string, DiscardedLetter[]>, discarded: readonly DiscardedLetter[]): void {
  for (const letter of discarded) {
    for (const [key, same] of standing) {
      const left = letter.key === key ? [] : same.filter((other) => !isSame(other, letter))
      if (left.length === 0) standing.delete(key)
      else standing.set(key, left)
    }
  }
}

const isSame = (a: DiscardedLetter, b: DiscardedLetter) => a.number === b.number && a.time === b.time

/** A key whose letters are discarded, as far as they stand before the record that says so. */
export interface DiscardedKey {
  readonly key: string
  readonly before: bigint
}

/** The letters of those keys, under whatever numbers this store has them. Numbers of another log's letters say nothing. */
export async function findDiscarded(
  sql: Sql,
  table: string,
  origin: number,
  discarded: readonly DiscardedKey[],
): Promise<DiscardedLetter[]> {
  if (discarded.length === 0) return []
  const before = new Map<string, bigint>()
  for (const one of discarded) if (one.before > (before.get(one.key) ?? -1n)) before.set(one.key, one.before)
  const letters = await findLetters(sql, table, before.keys())
  return letters.filter(
    (letter) => letter.origin === origin && letter.number < (before.get(letter.key) ?? -1n),
  )
}
