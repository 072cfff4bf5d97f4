import { verifyData } from '../app/log-tools.ts'
import { printableLines } from '../lib/printable.ts'
import { exitCode } from './failure.ts'

type LogVerdict = ReturnType<typeof verifyData>
type LogFault = LogVerdict['faults'][number]

export interface VerifyOptions {
  readonly data: string
  readonly json?: boolean
}

/** `sluice log verify`: goes through everything of a log. Exit code 1 if something is damaged. */
export function verify({ data, json }: VerifyOptions): Promise<number> {
  const verdict = verifyData(data)
  const text = json ? `${JSON.stringify(verdict)}\n` : describe(verdict)
  process.stdout.write(printableLines(text))
  return Promise.resolve(verdict.faults.length > 0 ? exitCode.failed : exitCode.ok)
}

function describe({
  log,
  segments,
  bytes,
  commits,
  first,
  next,
  faults,
  setAside,
  tailBytes,
}: LogVerdict): string {
  const lines = [
    `log ${log ?? 'unknown'}: ${counted(segments, 'segment')}, ${counted(bytes, 'byte')}, ${counted(commits, 'commit')}, numbers from ${first} to below ${next}`,
    ...faults.map((fault) => `${describeFault(fault)} ${advice[fault.kind]}`),
    ...setAside.map((loss) => `${placeOf(loss)}: set aside by a repair.${lossOf(loss)}`),
  ]
  lines.push(...describeTail(tailBytes))
  lines.push(faults.length === 0 ? sound(tailBytes) : counted(faults.length, 'fault'))
  return `${lines.join('\n')}\n`
}

const what: Record<LogFault['kind'], string> = {
  header: 'the header of the segment is damaged.',
  commits: 'bytes that are no whole commits.',
  gap: 'numbers are missing before this place, and no damaged bytes that might have held them: a segment was removed or emptied.',
  'names-file': 'the names of series are damaged, or older than the segments.',
  names: 'the names of some series are lost.',
}

const repairs = '"sluice log repair" sets them aside'
const advice: Record<LogFault['kind'], string> = {
  header: 'Nothing is lost; "sluice log repair" writes it anew.',
  commits: `Starts and readers pass over them, and each sink that has not taken those rows counts them as damaged; ${repairs}.`,
  gap: 'If there is a copy of the file, put it back while Sluice is stopped; "sluice log repair" notes the loss.',
  'names-file': '"sluice log repair" makes the file anew from what it and the segments hold.',
  names:
    'Every sink counts those rows as damaged. If there is a copy of log/series.names, put it back while Sluice is stopped.',
}

/** A fault of a log and what it has cost, in words. */
export function describeFault(fault: LogFault): string {
  return `${placeOf(fault)}: ${what[fault.kind]}${lossOf(fault)}`
}

/** A line for the end of the last segment, if it is no whole commit: that cannot tell why. */
export function describeTail(bytes: number): string[] {
  if (bytes === 0) return []
  const why =
    'a commit that is being written or that a crash cut short, which nobody was told of; or the end of the log was cut off or damaged'
  return [
    `The last segment ends with ${counted(bytes, 'byte')} that are no whole commit: ${why}. The next start drops them.`,
  ]
}

/** What a log without faults is. */
export function sound(tailBytes: number): string {
  return tailBytes > 0 ? 'whole before that' : 'whole'
}

function placeOf({ file, offset, bytes }: LogFault): string {
  return `${file}, offset ${offset}, ${counted(bytes, 'byte')}`
}

function lossOf({ from, to, rows }: LogFault): string {
  const numbers = from === undefined || to === undefined ? '' : ` Numbers ${from} to ${to - 1} are gone`
  const lost = Object.entries(rows).map(([stream, count]) => `${counted(count, 'row')} of ${stream}`)
  if (lost.length > 0) return `${numbers || ' Lost are'}: ${lost.join(', ')}.`
  return numbers === '' ? '' : `${numbers}; no row of them is known to be lost.`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
