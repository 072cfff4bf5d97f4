import { SluiceError } from '../../core/errors.ts'
import type { Intake } from '../../core/intake.ts'
import type { KeyedState } from '../../core/keyed-state.ts'
import type { ReplayAsk, ReplayDesk, ReplayStatus } from '../../core/replay.ts'
import type { CopyPart } from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import type { ReplayWatcher } from '../store-process/store-replays.ts'
import { boundsOf } from './replay-bounds.ts'
import { ReplayProgress, statusOf } from './replay-progress.ts'
import { ReplayKeeper } from './replay-keeper.ts'
import { decodeReplay, replayKeys, type ReplayRecord } from './replay-record.ts'
import type { ReplayTarget } from './replay-targets.ts'

export interface ReplaysParts {
  readonly log: EmbeddedLog
  readonly logFolder: string
  readonly intake: Intake
  readonly clock: Clock
  /** Sinks that can be replayed to, by name. */
  readonly targets: ReadonlyMap<string, ReplayTarget>
  onEvent(level: 'info' | 'error', message: string): void
}

interface Known {
  record: ReplayRecord
  readonly progress: ReplayProgress
  /** It is being cancelled. */
  ending?: Promise<void>
}

/** A sink's replays share its writer with live traffic. */
const maxRunning = 8
const maxKnown = 200

/** Held at the start until it is known which replays go on: nothing that they need may go before. */
export const replaysGroup = 'replays'

/**
 * The replays of this log: each is kept in keyed state, so it goes on after a crash from where its sink says that it stands, and holds
 * what it needs in the log until it has ended.
 */
export class Replays implements ReplayDesk {
  readonly #parts: ReplaysParts
  readonly #keeper: ReplayKeeper
  readonly #known = new Map<string, Known>()
  /** Names that are just being given. */
  readonly #starting = new Set<string>()
  #isStopped = false

  constructor(parts: ReplaysParts) {
    this.#parts = parts
    this.#keeper = new ReplayKeeper(parts.intake, parts.onEvent)
    this.#followRenewals()
  }

  /** Goes on with what ran when the program ended; to be called once, before the doors open. */
  restore(state: KeyedState): void {
    const found: [string, ReplayRecord][] = []
    for (const [key, value] of state.entries(replayKeys)) {
      const record = decodeReplay(value)
      if (record !== undefined) found.push([key.slice(replayKeys.length), record])
    }
    for (const [name, record] of found.sort(([, a], [, b]) => a.started - b.started)) this.#goOn(name, record)
    this.#parts.log.release(replaysGroup)
  }

  async start(ask: ReplayAsk, principal: string): Promise<ReplayStatus> {
    const { intake, clock } = this.#parts
    const target = this.#target(ask.sink)
    const name = ask.name ?? this.#freeName(ask.sink)
    this.#reserve(name)
    try {
      const refusal = intake.refusal()
      if (refusal !== undefined) throw new SluiceError(refusal, 'no replay can be kept now')
      const { sink, fromStore } = ask
      const parts = await (fromStore === undefined
        ? this.#partsOfLog(name, target, ask)
        : this.#partsOfStore(fromStore, sink, target))
      const started = clock.now()
      const record: ReplayRecord = {
        version: 1,
        sink,
        ...(fromStore === undefined ? {} : { fromStore }),
        lane: `${name}@${started.toString(36)}`,
        parts,
        ...(ask.rate === undefined ? {} : { rate: ask.rate }),
        started,
        principal,
      }
      await this.#keeper.keep(name, record)
      if (this.#isStopped)
        throw new SluiceError('closed', 'Sluice is stopping; the replay begins when it runs again')
      this.#run(name, record, target)
    } catch (error) {
      this.#release(name, target)
      throw error
    } finally {
      this.#starting.delete(name)
    }
    return this.get(name)
  }

  list(): readonly ReplayStatus[] {
    return [...this.#known.keys()].map((name) => this.get(name))
  }

  get(name: string): ReplayStatus {
    const { record, progress } = this.#find(name)
    const target = this.#parts.targets.get(record.sink)
    return statusOf(name, record, progress, target?.error, target?.note(record.lane))
  }

  async end(name: string): Promise<{ status: ReplayStatus; forgotten: boolean }> {
    const known = this.#find(name)
    if (known.record.end === undefined) {
      known.ending = this.#finish(name, 'cancelled')
      await known.ending
      return { status: this.get(name), forgotten: false }
    }
    // Else its end would be kept once it is forgotten.
    await known.ending?.catch(() => {})
    const status = this.get(name)
    await this.#keeper.forget(name)
    if (this.#known.get(name) === known) this.#known.delete(name)
    return { status, forgotten: true }
  }

  /** Writes under way are finished; everything goes on at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#keeper.stop()
    for (const { record } of this.#known.values())
      if (record.end === undefined) await this.#parts.targets.get(record.sink)?.end(record.lane)
  }

  async #partsOfLog(
    name: string,
    target: ReplayTarget,
    { from, to }: ReplayAsk,
  ): Promise<ReplayRecord['parts']> {
    const { log, logFolder } = this.#parts
    // Before it is known what is needed: retention waits meanwhile.
    for (const { stream } of target.streams) log.hold(groupOf(name, stream), 0)
    const bounds = await boundsOf(log, logFolder, from, to)
    return target.streams.map(({ stream }) => ({ kind: 'log', log: log.id, partition: 0, stream, ...bounds }))
  }

  async #partsOfStore(store: string, sink: string, target: ReplayTarget): Promise<ReplayRecord['parts']> {
    const wrong = (message: string) => new SluiceError('bad-request', message)
    if (store === sink) throw wrong(`fromStore: ${sink} has its own rows`)
    const source = this.#target(store, 'fromStore').copies
    if (source === undefined) throw wrong(`fromStore: ${store} is no store that can be asked`)
    if (target.copy === undefined) throw wrong(`sink: ${sink} is no store: it cannot be given a copy`)
    const patience = AbortSignal.timeout(partsPatienceMs)
    const parts = await source.parts(patience).catch((error: unknown) => {
      if (!patience.aborted) throw error
      throw new SluiceError(
        'busy',
        `store ${store} has not said in ${partsPatienceMs / 1000} s what it holds`,
      )
    })
    if (parts.length === 0) throw wrong(`fromStore: ${store} holds nothing`)
    return parts
  }

  #goOn(name: string, record: ReplayRecord): void {
    const target = this.#parts.targets.get(record.sink)
    if (record.end !== undefined) this.#known.set(name, { record, progress: this.#progressOf(record) })
    else if (target === undefined) this.#fail(name, record, `there is no sink ${record.sink} any more`)
    else if (this.#isOutdated(record)) this.#fail(name, record, renewedMessage)
    else this.#run(name, record, target)
  }

  #run(name: string, record: ReplayRecord, target: ReplayTarget): void {
    const { sink, lane, rate, fromStore } = record
    const progress = this.#progressOf(record)
    this.#known.set(name, { record, progress })
    const watcher: ReplayWatcher = {
      onStatus: (status, part) => progress.heard(status, part),
      onDone: (error) => {
        if (error === undefined) this.#supervise(this.#finish(name, 'done'))
        else this.#fail(name, record, error)
      },
    }
    const from = fromStore === undefined ? 'the log' : `store ${fromStore}`
    this.#parts.onEvent('info', `replay ${name} from ${from} to ${sink} begins, or goes on`)
    if (fromStore === undefined) this.#runFromLog(name, record, target, watcher)
    else target.copy?.({ lane, fromStore, rate, parts: record.parts.flatMap(copyPart) }, watcher)
  }

  #runFromLog(
    name: string,
    { lane, rate, parts }: ReplayRecord,
    target: ReplayTarget,
    watcher: ReplayWatcher,
  ): void {
    const [first] = parts
    if (first === undefined) return
    const { from, until } = first
    const streams = parts.map(({ stream }) => {
      const processors = target.streams.find((each) => each.stream === stream)?.processors ?? []
      return { stream, processors, group: groupOf(name, stream) }
    })
    for (const { group } of streams) this.#parts.log.hold(group, Number(from))
    target.start({ lane, rate, from, until, streams }, watcher)
  }

  /** It writes nothing more and holds nothing, whether or not what came of it can be kept now. */
  async #finish(name: string, state: 'done' | 'cancelled'): Promise<void> {
    const known = this.#find(name)
    const { record, progress } = known
    if (record.end !== undefined) return
    const target = this.#parts.targets.get(record.sink)
    const isDone = state === 'done'
    known.record = this.#ended(record, progress, { state })
    if (!isDone) await target?.end(record.lane)
    // What came while it ended counts too.
    known.record = this.#ended(record, progress, { state })
    this.#release(name, target)
    this.#parts.onEvent('info', `replay ${name} to ${record.sink} is ${state}: ${progress.rows} rows`)
    await this.#keeper.keepEnd(name, known.record)
  }

  #fail(name: string, record: ReplayRecord, error: string): void {
    const known = this.#known.get(name)
    if (known?.record.end !== undefined) return
    const progress = known?.progress ?? this.#progressOf(record)
    const failed = this.#ended(record, progress, { state: 'failed', error })
    this.#known.set(name, { record: failed, progress })
    this.#parts.onEvent('error', `replay ${name} to ${record.sink} has failed: ${error}`)
    this.#release(name, this.#parts.targets.get(record.sink))
    this.#supervise(this.#keeper.keepEnd(name, failed))
  }

  #ended(
    record: ReplayRecord,
    progress: ReplayProgress,
    end: Pick<NonNullable<ReplayRecord['end']>, 'state' | 'error'>,
  ): ReplayRecord {
    const parts = progress.parts.map((part, i) =>
      end.state === 'done' ? { ...part, position: record.parts[i]?.until ?? part.position } : part,
    )
    return { ...record, end: { ...end, at: this.#parts.clock.now(), parts } }
  }

  /** Under another id numbers are given a second time, and every sink is given everything anew. */
  #followRenewals(): void {
    const { log, targets } = this.#parts
    log.renewed.addEventListener(
      'abort',
      () => {
        for (const [name, { record }] of this.#known) {
          if (record.end !== undefined || record.fromStore !== undefined) continue
          const target = targets.get(record.sink)
          if (target !== undefined) this.#supervise(target.end(record.lane))
          this.#fail(name, record, renewedMessage)
        }
        this.#followRenewals()
      },
      { once: true },
    )
  }

  #release(name: string, target: ReplayTarget | undefined): void {
    for (const { stream } of target?.streams ?? []) this.#parts.log.release(groupOf(name, stream))
  }

  /** What nobody waits for. The keeper has told already what it could not keep. */
  #supervise(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#isStopped && !(error instanceof SluiceError))
        this.#parts.onEvent('error', `a replay: ${String(error)}`)
    })
  }

  /** Its numbers are those of a log that goes by another id now. */
  #isOutdated({ fromStore, parts }: ReplayRecord): boolean {
    return fromStore === undefined && parts.some(({ log }) => log !== this.#parts.log.id)
  }

  #progressOf(record: ReplayRecord): ReplayProgress {
    return new ReplayProgress(record, this.#parts.clock)
  }

  #target(sink: string, field = 'sink'): ReplayTarget {
    const { targets } = this.#parts
    const target = targets.get(sink)
    if (target === undefined)
      throw new SluiceError(
        'not-found',
        `${field}: there is no ${sink}; there are: ${[...targets.keys()].join(', ')}`,
      )
    return target
  }

  #find(name: string): Known {
    const known = this.#known.get(name)
    if (known === undefined) throw new SluiceError('not-found', `there is no replay ${name}`)
    return known
  }

  #freeName(sink: string): string {
    for (let i = 1; ; i++) {
      const name = `${sink}-${i}`
      if (!this.#known.has(name) && !this.#starting.has(name)) return name
    }
  }

  #reserve(name: string): void {
    if (this.#known.has(name) || this.#starting.has(name))
      throw new SluiceError('conflict', `there is a replay ${name} already`)
    const running = [...this.#known.values()].filter(({ record }) => record.end === undefined).length
    if (running + this.#starting.size >= maxRunning)
      throw new SluiceError('busy', `${maxRunning} replays run already`)
    if (this.#known.size + this.#starting.size >= maxKnown)
      throw new SluiceError('busy', `${maxKnown} replays are kept: forget some that have ended`)
    this.#starting.add(name)
  }
}

const renewedMessage = 'the log goes on under another id, and every sink is given everything that it holds'

const groupOf = (name: string, stream: string) => `replays/${name}/${stream}`

type Part = ReplayRecord['parts'][number]

/** A part of a copy, as stores know it. */
function copyPart({ kind, ...part }: Part): CopyPart[] {
  return kind === 'log' ? [] : [{ kind, ...part }]
}

/** How long a store may take to say what it holds. */
const partsPatienceMs = 30_000
