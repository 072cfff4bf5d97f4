import { systemClock } from '../lib/clock.ts'
import { createRandom } from '../lib/random.ts'
import { reasonOf } from '../lib/reason.ts'
import { wait } from '../lib/wait.ts'
import { checkBooks, type BooksVerdict, unknownBooks } from './books.ts'
import type { Fault } from './fault.ts'
import { type FaultFindings, faultRounds } from './fault-rounds.ts'
import { Fleet, type Qos } from './fleet.ts'
import { Ledger } from './ledger.ts'
import { judgeLetters, type Letter, readLetters } from './letters.ts'
import { LiveWatch } from './live-watch.ts'
import type { OwnServer } from './own-server.ts'
import { type ProveReport, type SinkReport, sinkReport } from './report.ts'
import { type Asked, askedAt, drained, readStatus, type ServerStatus } from './server-status.ts'
import { judgeAnswers, judgeSink, type ReadableSink, type SinkFinding } from './sink-judge.ts'

export interface ProveOptions {
  readonly seed: number
  readonly seconds: number
  readonly devices: number
  /** Records a second, all devices together; without it as fast as they can. */
  readonly rate?: number | undefined
  readonly qos: Qos
  /** Where the server is asked: `http://host:port`. */
  readonly url: string
  /** What is done to the server while the fleet sends; needs one of our own. */
  readonly faults: readonly Fault[]
  /** The server, where it is started, killed and stopped from here; undefined where it runs already. */
  readonly own: OwnTarget | undefined
  /** Told what goes on, for people. */
  readonly onProgress: (what: string) => void
}

/** A server of the run's own. */
export interface OwnTarget {
  readonly server: OwnServer
  /** Sinks whose rows stand in files that can be read when it has ended. */
  readonly sinks: readonly ReadableSink[]
}

/** What a run has found, and what it was judged by. */
export interface Proof {
  readonly report: ProveReport
  readonly ledger: Ledger
  readonly badLedger: Ledger
}

const answersMs = 120_000
const drainMs = 600_000
/** What goes on without its store is judged all the same. */
const storesOpenMs = 30_000
/** Live rows may come so late after the last one. */
const liveQuietMs = 10_000
const metrics = 5
/** How far the clock of a server that runs already may be behind ours. */
const clocksApartMs = 3_600_000

/**
 * Sends from a verifying fleet while faults are done to the server, waits until every sink has taken everything, and judges each record in
 * each sink, the dead letters, the live door and the books. A server of our own has ended afterwards. What goes wrong on the way is a
 * violation of the report; it throws only when the signal aborts.
 */
export async function prove(options: ProveOptions, signal: AbortSignal): Promise<Proof> {
  const { seed, devices, own, onProgress } = options
  const startMicros = systemClock.now()
  const plan = { seed, devices, metrics, run: Math.floor(startMicros / 1000).toString(36) }
  const run: Run = {
    options,
    signal,
    ledger: new Ledger(plan),
    badLedger: new Ledger(plan),
    live: new LiveWatch(options.url, plan),
    server: own?.server ?? askedAt(options.url),
    startMs: Math.floor(startMicros / 1000),
    found: { counts: {}, openCommits: 0, violations: [] },
    sentMs: 0,
    letters: [],
    findings: new Map(),
    answered: undefined,
    before: undefined,
    after: undefined,
  }
  try {
    await withoutFailing(run, () => send(run))
    signal.throwIfAborted()
    // One that has ended by itself: what it had acknowledged must be there when it runs again.
    if (own?.server.running === false && own.server.starts > 0)
      await withoutFailing(run, () => own.server.start())
    const { before } = run
    if (before !== undefined && own?.server.running !== false)
      await withoutFailing(run, () => settle(run, before))
    if (own !== undefined) {
      onProgress('the server stops')
      if (own.server.running) await withoutFailing(run, () => stop(run, own.server))
      await own.server.kill()
    }
    onProgress('every sink is judged')
    for (const sink of own?.sinks ?? [])
      await withoutFailing(run, async () => {
        run.findings.set(sink.name, await judgeSink(run.ledger, sink))
      })
    signal.throwIfAborted()
    return { report: reportOf(run), ledger: run.ledger, badLedger: run.badLedger }
  } finally {
    run.live.close()
    await own?.server.kill()
  }
}

interface Run {
  readonly options: ProveOptions
  readonly signal: AbortSignal
  readonly ledger: Ledger
  readonly badLedger: Ledger
  readonly live: LiveWatch
  readonly server: Asked
  readonly startMs: number
  readonly found: FaultFindings
  sentMs: number
  letters: readonly Letter[]
  readonly findings: Map<string, SinkFinding>
  /** What the store of a server that goes on answers. */
  answered: SinkFinding['verdict'] | undefined
  before: ServerStatus | undefined
  after: ServerStatus | undefined
}

/** What fails is told, and what was seen until then is judged all the same. */
async function withoutFailing(run: Run, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    run.signal.throwIfAborted()
    run.found.violations.push(reasonOf(error))
  }
}

/** Starts the server and the fleet, and does the faults; resolves when everything sent is answered. */
async function send(run: Run): Promise<void> {
  const { options, signal, ledger, badLedger, live, server } = run
  const { own, rate, faults, seconds, onProgress } = options
  await own?.server.start()
  if (own !== undefined) await storesOpen(server, signal)
  const before = await readStatus(server)
  run.before = before
  const door = mqttDoor(before, options.url)
  const pace = rate === undefined ? {} : { rate }
  const { qos, url: httpUrl } = options
  const fleet = new Fleet({ ...door, ...pace, ledger, badLedger, qos, httpUrl })
  try {
    await live.start()
    fleet.start()
    const fromMs = systemClock.monotonicMs()
    const ticks = setInterval(() => onProgress(`${fleet.acked} records are acknowledged`), 500)
    try {
      const random = createRandom(options.seed)
      await faultRounds({
        server: own?.server,
        fleet,
        faults,
        random: () => random.uniform(),
        seconds,
        findings: run.found,
        onFault: onProgress,
        signal,
      })
    } finally {
      clearInterval(ticks)
      run.sentMs = systemClock.monotonicMs() - fromMs
    }
    onProgress('the last answers come')
    await fleet.finish(AbortSignal.any([signal, AbortSignal.timeout(answersMs)]))
  } finally {
    run.found.violations.push(...fleet.violations)
    fleet.close()
  }
}

/** A store opens after the doors. A disk that is full before it was ever open keeps it down, which is another matter than one that fills. */
async function storesOpen(server: Asked, signal: AbortSignal): Promise<void> {
  const end = systemClock.monotonicMs() + storesOpenMs
  while (systemClock.monotonicMs() < end) {
    const { database } = (await server.get('/health/ready')) as { database?: boolean } // as: its own answer
    if (database === true) return
    await wait(50, signal)
    signal.throwIfAborted()
  }
}

/** Waits until sinks and the live subscriber have everything, and reads what only a running server tells. */
async function settle(run: Run, before: ServerStatus): Promise<void> {
  const { options, signal, ledger, badLedger, live, server } = run
  const { own, onProgress } = options
  const rowsBefore = before.log.rows
  run.after = await drained(server, {
    rows: {
      readings: (rowsBefore['readings'] ?? 0) + ledger.rows().least,
      'dead-letters': (rowsBefore['dead-letters'] ?? 0) + badLedger.rows().least,
    },
    isAlone: own !== undefined,
    timeoutMs: drainMs,
    signal,
    onWait: onProgress,
  })
  onProgress('the live subscriber gets the last rows')
  await live.settle(ledger, liveQuietMs, signal)
  run.letters = await readLetters(server, own === undefined ? run.startMs - clocksApartMs : undefined)
  if (own === undefined) run.answered = await judgeAnswers(ledger, server)
}

/** A stop in order: what the server says at its end must be what stands in its files. */
async function stop(run: Run, server: OwnServer): Promise<void> {
  const { code, signal: endedBy, killed } = await server.terminate()
  const how = killed ? 'did not stop within 15 s' : `ended with ${code ?? endedBy}`
  if (code !== 0) run.found.violations.push(`asked to stop, the server ${how}`)
}

/** Where a server says that its MQTT door is. One that listens on every address is reached as it is over HTTP. */
function mqttDoor({ addresses }: ServerStatus, url: string): { host: string; port: number } {
  const address = addresses['mqtt']
  if (address === undefined) throw new Error(`the server at ${url} has no MQTT door`)
  const { hostname, port } = new URL(address)
  const isAny = hostname === '0.0.0.0' || hostname === '[::]'
  const host = isAny ? new URL(url).hostname : hostname
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function reportOf(run: Run): ProveReport {
  const { options, ledger, badLedger, found, live } = run
  const { seed, devices, own, url } = options
  const { records, ...totals } = ledger.totals()
  const letters = judgeLetters(badLedger, run.letters, own !== undefined)
  const watched = live.verdict(ledger)
  const books = booksOf(run, letters)
  const sinks: Record<string, SinkReport> = {}
  const examples = [...letters.examples, ...watched.examples]
  for (const [name, { verdict }] of run.findings) {
    sinks[name] = sinkReport(verdict, true)
    examples.push(...verdict.examples.map((example) => `${name}: ${example}`))
  }
  // Which of its stores answers, a server does not say: the first that takes readings.
  const readers = [...new Set((run.after?.sinks ?? []).filter(isReading).map((sink) => sink.name))]
  if (run.answered !== undefined) {
    sinks[readers[0] ?? 'store'] = sinkReport(run.answered, false)
    examples.push(...run.answered.examples)
  }
  const alarms = own === undefined ? [] : (run.after?.alarms ?? [])
  const violations = [...found.violations, ...alarms.map(({ code, message }) => `alarm ${code}: ${message}`)]
  const { examples: _letterExamples, clean: areLettersClean, ...deadLetters } = letters
  const { examples: _liveExamples, silentGaps, ...liveRest } = watched
  const verdicts = [...run.findings.values()].map(({ verdict }) => verdict)
  if (run.answered !== undefined) verdicts.push(run.answered)
  const ok =
    totals.acked > 0 &&
    verdicts.length > 0 &&
    verdicts.every(({ clean }) => clean) &&
    areLettersClean &&
    silentGaps === 0 &&
    watched.wrong === 0 &&
    books.balanced &&
    violations.length === 0
  return {
    ok,
    seed,
    run: ledger.plan.run ?? '',
    server: own === undefined ? url : 'own',
    devices,
    seconds: run.sentMs / 1000,
    sent: records,
    ...totals,
    sinks,
    unreadSinks: readers.filter((name) => sinks[name] === undefined),
    deadLetters,
    silentGaps,
    live: liveRest,
    books,
    faults: found.counts,
    starts: own?.server.starts ?? 0,
    slowestStartMs: Math.round(own?.server.slowestStartMs ?? 0),
    storeRestarts: own?.server.storeRestarts ?? 0,
    openCommits: found.openCommits,
    violations,
    examples,
  }
}

function booksOf(run: Run, letters: ReturnType<typeof judgeLetters>): BooksVerdict {
  const { before, after, ledger, badLedger, findings, options } = run
  if (before === undefined || after === undefined)
    return unknownBooks(ledger, 'the server did not tell its books at the end')
  const isAlone = options.own !== undefined
  return checkBooks({ before, after, ledger, badLedger, counted: findings, letters, isAlone })
}

function isReading({ stream }: { readonly stream: string }): boolean {
  return stream === 'readings'
}
