/** At full speed over MQTT: one message in a hundred that nobody can take, among good ones. A clean run beside it, in turn, says what that costs. */
import path from 'node:path'
import { z } from 'zod'
import { runLoad } from '../../bench/load/mqtt-load.ts'
import { badRecords } from '../support/bad-records.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained } from '../support/sluice-status.ts'
import { storedDocuments } from '../support/stored-documents.ts'
import { countReadings, storedReadings } from '../support/stored-readings.ts'
import { judgeLoads } from './runner/load-rows.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    seconds: z.number().positive().default(10).describe('of each run'),
    rounds: z
      .int()
      .positive()
      .default(5)
      .describe('clean and poisoned runs in turn; the medians are compared'),
    every: z.int().min(2).default(100).describe('one message of so many is poison'),
    ratio: z.number().min(0).default(0.7).describe('the part of the clean throughput that must be left'),
  })
  .describe(
    '1 % poison rows of 12 kinds among good ones at full speed: all in the dead letters, no good row affected',
  )

/** Of the first row of the table "What bad input gets" (docs/protocols.md): four codes, twelve ways. */
const kinds = [
  ...['a payload cut off', 'words', 'bytes that are not UTF-8', 'NaN', 'an object without values'],
  ...['an object for a value', 'a number beyond every double', '2^53 + 1 as a number'],
  ...['U+0000 in a text, escaped', 'half a surrogate pair', 'a time of twenty digits', 'a word for a time'],
].map((what) => {
  const record = badRecords.find((record) => record.what === what)
  if (record === undefined) throw new Error(`test/support/bad-records.ts has no ${what}`)
  return { what, code: record.code, payload: Buffer.from(record.payload) }
})

const baseSeconds = 1_704_067_200
const load = {
  host: '127.0.0.1',
  connections: 12,
  topics: 50,
  form: 'f5',
  elements: 1,
  window: 3000,
} as const

interface Run {
  readonly goodPerSecond: number
  readonly good: number
  readonly poison: number
  /** Letters by kind. */
  readonly letters: Readonly<Record<string, number>>
  readonly faults: readonly string[]
}

export async function run(
  { seconds, rounds, every, ratio: least }: z.output<typeof options>,
  { folder, note, ends, signal }: Report,
): Promise<Outcome> {
  const clean: Run[] = []
  const poisoned: Run[] = []
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    for (const runs of [clean, poisoned]) {
      const isPoisoned = runs === poisoned
      const name = `${isPoisoned ? 'poisoned' : 'clean'}-${round}`
      const data = path.join(folder, name)
      const result = await measure(data, seconds, isPoisoned ? every : undefined, ends)
      note(`${name}: ${Math.round(result.goodPerSecond)} good rows/s stored, ${result.poison} poison`)
      runs.push(result)
    }
  }
  const [cleanRate, poisonedRate] = [median(clean), median(poisoned)]
  const ratio = Math.round((poisonedRate / cleanRate) * 1000) / 1000
  const faults = [...clean, ...poisoned].flatMap((run) => run.faults)
  if (!(ratio >= least)) faults.push(`${ratio} of the clean throughput is left, ${least} was to be`)
  const letters: Record<string, number> = {}
  for (const run of poisoned) {
    for (const [what, count] of Object.entries(run.letters)) letters[what] = (letters[what] ?? 0) + count
  }
  const sum = (of: (run: Run) => number) => poisoned.reduce((total, run) => total + of(run), 0)
  return {
    n: sum(({ poison }) => poison),
    seen: {
      ...{ kinds: kinds.length, good: sum(({ good }) => good), poison: sum(({ poison }) => poison), letters },
      ...{
        cleanRowsPerSecond: Math.round(cleanRate),
        poisonedRowsPerSecond: Math.round(poisonedRate),
        ratio,
      },
    },
    faults,
  }
}

/** One run into an empty folder, judged by what the store's own file holds. */
async function measure(
  data: string,
  seconds: number,
  every: number | undefined,
  ends: Report['ends'],
): Promise<Run> {
  const sluice = await SluiceProcess.start({ data })
  ends(() => sluice.killTree())
  const kindOf = (connection: number, slot: number) => {
    // Another place in each connection, and all kinds over all of them.
    if (every === undefined || (slot + connection) % every !== 0) return undefined
    return kinds[(connection + Math.floor(slot / every)) % kinds.length]
  }
  const spoil = (connection: number, slot: number) => kindOf(connection, slot)?.payload
  const port = sluice.mqttPort
  const result = await runLoad({ ...load, port, seconds, messages: 0, rate: 0, baseSeconds, spoil })
  const good = result.ackedRows
  const poison = result.acked - good
  const status = await drained(sluice, { rows: good, letters: poison, timeoutMs: 120_000 })
  const tookMs = Date.now() - result.startedAt
  await sluice.stop()

  const faults = [...result.failures, ...status.alarms.map(({ message }) => message)]
  const expect = (what: string, is: number, wanted: number) => {
    if (is !== wanted) faults.push(`${what}: ${is}, expected ${wanted}`)
  }
  expect('messages acknowledged', result.acked, result.sent)
  expect('messages accepted at the door', status.books.messagesAccepted, good)
  expect('messages dead-lettered at the door', status.books.messagesDeadLettered, poison)
  expect("rows by the store's own count", await countReadings(data), good)
  const isGood = (connection: number, slot: number) => kindOf(connection, slot) === undefined
  const {
    right,
    duplicates,
    strange: foreign,
  } = await judgeLoads([{ ...load, baseSeconds, isGood }], storedReadings(data))
  expect('good rows as they were sent', right, good)
  expect('duplicates', duplicates, 0)
  expect('rows that nobody sent', foreign, 0)
  const { letters, strange } = await readLetters(data)
  expect('letters that are none of ours', strange, 0)
  expect(
    'letters',
    Object.values(letters).reduce((a, b) => a + b, 0),
    poison,
  )
  return { goodPerSecond: (good / tookMs) * 1000, good, poison, letters, faults }
}

/** The letters by kind: each has the original bytes, the code that belongs to them and a reason, source, topic and device. */
async function readLetters(data: string): Promise<{ letters: Record<string, number>; strange: number }> {
  const byBytes = new Map(kinds.map((kind) => [kind.payload.toString('base64'), kind]))
  const letters: Record<string, number> = {}
  let strange = 0
  for (const body of await storedDocuments(data, 'dead-letters')) {
    // as: src/intake/open-commit.ts writes it; what is missing is strange
    const letter = JSON.parse(body) as Partial<
      Record<'bytes' | 'code' | 'reason' | 'source' | 'topic', string>
    >
    const kind = byBytes.get(letter.bytes ?? '')
    const isWhole = letter.reason && letter.source === 'mqtt' && letter.topic?.startsWith('dev/load-')
    if (kind === undefined || letter.code !== kind.code || !isWhole) strange++
    else letters[kind.what] = (letters[kind.what] ?? 0) + 1
  }
  return { letters, strange }
}

function median(runs: readonly Run[]): number {
  const sorted = runs.map((run) => run.goodPerSecond).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
