import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import type { StoredRows } from '../judge.ts'

interface Line {
  readonly seq: number
  readonly device: string
  readonly metric: string
  readonly time: number
  readonly value: number | string
}

const batchRows = 10_000

/** Every reading in the files of a file sink, in the order in which they were written: the oldest file has the highest number. */
export async function* readingsInFiles(file: string): AsyncGenerator<StoredRows> {
  let lines: Line[] = []
  for (const part of rotated(file)) {
    const input = fs.createReadStream(part)
    try {
      for await (const text of readline.createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        lines.push(lineOf(text, part))
        if (lines.length < batchRows) continue
        yield columnsOf(lines)
        lines = []
      }
    } finally {
      input.destroy()
    }
  }
  if (lines.length > 0) yield columnsOf(lines)
}

function rotated(file: string): string[] {
  const folder = path.dirname(file)
  const begin = `${path.basename(file)}.`
  const numbers = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith(begin) && /^\d+$/.test(name.slice(begin.length)))
    .map((name) => Number(name.slice(begin.length)))
    .sort((a, b) => b - a)
  const parts = numbers.map((number) => `${file}.${number}`)
  return fs.existsSync(file) ? [...parts, file] : parts
}

function lineOf(text: string, file: string): Line {
  try {
    return JSON.parse(text) as Line // as: what the sink writes; a member that is missing makes a phantom of it
  } catch {
    throw new Error(`${file} holds a line that is no JSON: ${text.slice(0, 200)}`)
  }
}

function columnsOf(lines: readonly Line[]): StoredRows {
  return {
    length: lines.length,
    device: lines.map((line) => line.device),
    metric: lines.map((line) => line.metric),
    // The sink writes ms with three decimals for µs.
    time: Float64Array.from(lines, ({ time }) => Math.round(time * 1000)),
    value: Float64Array.from(lines, ({ value }) => (typeof value === 'number' ? value : Number.NaN)),
    seq: BigInt64Array.from(lines, ({ seq }) => BigInt(Number.isSafeInteger(seq) ? seq : -1)),
  }
}
