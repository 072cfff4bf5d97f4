import { repairLog } from '../../../src/log/embedded/repair.ts'
import { verifyLog } from '../../../src/log/embedded/verify.ts'
import { LogWriter } from '../../../src/log/embedded/writer.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { changesOf, documentsOf, nameOf, readingsOf } from '../../support/log-changes.ts'
import { damagedOf, type Read, readAll, rowsOf } from '../../support/log-reading.ts'
import { folder } from '../../support/written-log.ts'
import type { Files } from './damages.ts'
import { ImageStorage } from './image-storage.ts'
import { type Stream, streams, textOf, type WrittenCommit, type WrittenImage } from './written-image.ts'

/** What became of a damaged log. */
export interface Checked {
  readonly faults: readonly string[]
  readonly lostRows: number
  /** Those of them that sinks count as damaged. */
  readonly countedRows: number
  /** `torn`: the end was taken for one that was never acknowledged. `short`: the log ends early, which its sinks notice. */
  readonly end: 'whole' | 'torn' | 'short'
}

const roomy = { segmentBytes: 1e6, maxBytes: 1e9, retentionSeconds: 1e9, reserveBytes: 0 }

/** Opens a damaged log as Sluice does, reads it as sinks do, and holds both against what was written. */
export async function checkLog(
  image: WrittenImage,
  files: Files,
  random: () => number,
  isRepaired: boolean,
): Promise<Checked> {
  const faults: string[] = []
  const storage = new ImageStorage(folder, files)
  const harmed = image.commits.filter((commit) => !isAsWritten(image, files, commit))
  const verdict = verifyLog(storage, folder)
  const isNamesFileWhole =
    files.get('series.names')?.equals(image.files.get('series.names') ?? Buffer.alloc(0)) === true
  const told =
    verdict.faults.length > 0 ||
    verdict.tailBytes > 0 ||
    verdict.next < image.next ||
    verdict.first > image.first
  if (harmed.some(({ rows }) => rows.readings.length + rows.posts.length > 0) && !told)
    faults.push(`verify says nothing of ${harmed.length} harmed commits`)
  if (isRepaired) {
    const { after } = repairLog(storage, new FakeClock(), folder)
    const stays = after.faults.filter(({ kind }) => kind !== 'names')
    if (stays.length > 0) faults.push(`after a repair: ${JSON.stringify(stays)}`)
  }
  const writer = new LogWriter(storage, new FakeClock(), folder, roomy)
  const { next } = writer.watermark
  const end = writer.tornTails > 0 ? 'torn' : next < image.next ? 'short' : 'whole'
  // What is lost at the end shows with what follows.
  const series = writer.dictionary.size
  writer.append(
    changesOf({
      names: [nameOf(series)],
      readings: readingsOf([{ series, value: -1 }]),
      documents: [documentsOf('posts', [{ key: 'new', body: '' }])],
    }),
  )
  writer.flush()
  if (end === 'torn' && next <= image.next) faults.push(`numbers are given again from ${next} on`)
  let [lostRows, countedRows] = [0, 0]
  for (const stream of streams) {
    const all = await readAll(storage, folder, writer, { stream, taken: 0, maxRows: 16 })
    const given = rowsIn(all, next)
    for (const [number, text] of given) {
      if (image.rows[stream].get(number) !== text) faults.push(`${stream} ${number} was given as ${text}`)
    }
    const lost = [...image.rows[stream].keys()].filter((number) => !given.has(number))
    // To a sink without a position, what lies before the first segment has expired.
    const expired = all.reduce((sum, read) => sum + read.expired, 0)
    const counted = damagedOf(all) + expired - image.before[stream]
    lostRows += lost.length
    countedRows += counted
    const spared = lost.filter((number) => !harmed.some(({ rows }) => rows[stream].includes(number)))
    if (spared.length > 0 && isNamesFileWhole && image.format === 2)
      faults.push(`${stream} ${spared.join(', ')} were lost, and their commits are whole`)
    // Uncounted ones are the log's end.
    const uncounted = lost.slice(counted)
    if (counted > lost.length)
      faults.push(`${stream}: ${lost.length} rows are lost, and ${counted} are counted`)
    else if (uncounted.length > 0 && end === 'whole' && image.format === 2)
      faults.push(`${stream}: ${lost.length} rows are lost, and ${counted} are counted`)
    else if (image.format === 2 && [...given.keys()].some((number) => number > (uncounted[0] ?? next)))
      faults.push(
        `${stream}: ${lost.length} rows are lost, ${counted} are counted, and the others are not the end`,
      )
    if (end === 'whole' && image.format === 2)
      faults.push(...(await checkTaken(storage, writer, image, stream, lost, random)))
  }
  return { faults, lostRows, countedRows, end }
}

/** Sinks that had taken some rows, or all, before the damage: each is given what follows and counts what it misses of that. */
async function checkTaken(
  storage: ImageStorage,
  writer: LogWriter,
  image: WrittenImage,
  stream: Stream,
  lost: readonly number[],
  random: () => number,
): Promise<string[]> {
  const faults: string[] = []
  const from = image.first + Math.floor(random() * (image.next - image.first + 1))
  const numbers = [...image.rows[stream].keys()]
  const taken = image.before[stream] + numbers.filter((number) => number < from).length
  const counted = damagedOf(await readAll(storage, folder, writer, { stream, from, taken, maxRows: 16 }))
  const missed = lost.filter((number) => number >= from).length
  if (counted !== missed)
    faults.push(`${stream} from ${from}: ${missed} rows are lost, and ${counted} are counted`)
  return faults
}

/** Rows below a number, by their own. */
function rowsIn(all: readonly Read[], below: number): Map<number, string> {
  const rows = [...rowsOf(all), ...all.flatMap(({ documents }) => documents)]
  return new Map(rows.filter(({ number }) => number < below).map((row) => [row.number, textOf(row)]))
}

function isAsWritten(image: WrittenImage, files: Files, { file, offset, length }: WrittenCommit): boolean {
  const [before, after] = [image.files.get(file), files.get(file)]
  if (before === after && before !== undefined) return true
  if (!before || !after || after.length < offset + length) return false
  return before.compare(after, offset, offset + length, offset, offset + length) === 0
}
