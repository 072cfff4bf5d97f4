import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Baseline, compareWithBaseline, recordInBaseline } from './baseline.ts'
import { type Options, runnerWords } from './options.ts'
import { isMemory, placeOf } from './place.ts'

type Result = Readonly<Record<string, unknown>> & { readonly ratePerSecond: number }

/** What bench/NAME.ts offers. */
interface Bench {
  run(options: Options): Promise<Result>
  /** The prototype that sets the bar, under the same load; the runner keeps product ÷ reference as `referenceRatio`. */
  reference?(options: Options): Promise<Result>
  /** true where nothing is stored, so that the file system does not matter. */
  readonly storesNothing?: boolean
}

/** Every line has all of them; null is "does not apply". */
const fields =
  'bench ratePerSecond unit sent acked stored seconds p50Ms p99Ms rssMb series fsyncs fileSystem cores node commit'.split(
    ' ',
  )

export interface Print {
  /** The JSON line. */
  result(line: string): void
  /** Everything else. */
  note(line: string): void
}

/** Runs one bench of the folder and returns the exit code. */
export async function runBench(
  folder: string,
  name: string,
  options: Options,
  print: Print,
): Promise<number> {
  if (!listBenches(folder).includes(name)) {
    print.note(`there is no bench ${name}; there are: ${listBenches(folder).join(', ')}`)
    return 2
  }
  const bench = await load(folder, name)
  const data = path.resolve(String(options['data'] ?? path.join(folder, 'out')))
  mkdirSync(data, { recursive: true })
  const place = placeOf(data)
  if (isMemory(place.fileSystem) && bench.storesNothing !== true) {
    print.note(`${data} is on ${place.fileSystem}: a bench that stores needs a disk (--data FOLDER)`)
    return 2
  }

  const given = Object.fromEntries(Object.entries(options).filter(([key]) => !runnerWords.includes(key)))
  const result = await bench.run(given)
  const empty = Object.fromEntries(fields.map((field) => [field, null]))
  const line = {
    ...empty,
    bench: name,
    ...result,
    ...place,
    ...(await compared(bench, result, given, options, print)),
  }

  const baselineFile = path.join(folder, 'baseline.json')
  const baseline = readBaseline(baselineFile)
  const faults = options['baseline'] === true ? compareWithBaseline(name, line, baseline) : []
  for (const fault of faults) print.note(fault)
  if (options['record'] === true)
    writeFileSync(baselineFile, `${JSON.stringify(recordInBaseline(name, line, baseline), undefined, 2)}\n`)
  print.result(JSON.stringify(line))
  return faults.length > 0 ? 1 : 0
}

/** Runs the reference, unless the bench has none or nobody wants it. */
async function compared(
  bench: Bench,
  result: Result,
  given: Options,
  options: Options,
  print: Print,
): Promise<object> {
  if (bench.reference === undefined || options['reference'] === false) return {}
  const reference = await bench.reference(given)
  print.note(`reference: ${JSON.stringify(reference)}`)
  return {
    referenceRatePerSecond: reference.ratePerSecond,
    referenceRatio: result.ratePerSecond / reference.ratePerSecond,
  }
}

async function load(folder: string, name: string): Promise<Bench> {
  const module: unknown = await import(path.join(folder, `${name}.ts`))
  if (typeof module === 'object' && module !== null && 'run' in module && typeof module.run === 'function')
    return module as Bench // the rest of its form is in the hands of the bench
  throw new Error(`bench/${name}.ts exports no run(options)`)
}

export function listBenches(folder: string): string[] {
  return globSync('*.ts', { cwd: folder, exclude: ['run.ts', '*.test.ts'] })
    .map((file) => file.replace(/\.ts$/, ''))
    .sort()
}

function readBaseline(baselineFile: string): Baseline {
  return JSON.parse(readFileSync(baselineFile, 'utf8')) as Baseline // the project's own file
}
