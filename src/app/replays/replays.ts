import { SluiceError } from '../../core/errors.ts'
import type { Intake } from '../../core/intake.ts'
import type { KeyedState } from '../../core/keyed-state.ts'
import type { ReplayAsk, ReplayDesk, ReplayStatus } from '../../core/replay.ts'
import type { Clock } from '../../lib/clock.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import { boundsOf } from './replay-bounds.ts'
import { ReplayProgress, statusOf } from './replay-progress.ts'
import { decodeReplay, encodeReplay, replayKeys, type ReplayRecord } from './replay-record.ts'
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
  readonly #known = new Map<string, Known>()
  /** Names that are just being given. */
  readonly #starting = new Set<string>()
  #isStopped = false

  constructor(parts: ReplaysParts) {
    this.#parts = parts
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
    const { intake, log, clock } = this.#parts
    const target = this.#target(ask.sink)
    const name = ask.name ?? this.#freeName(ask.sink)
    this.#reserve(name)
    try {
      const refusal = intake.refusal()
      if (refusal !== undefined) throw new SluiceError(refusal, 'no replay can be kept now')
      const streams = target.streams.map(({ stream }) => stream)
      // Before it is known what is needed: retention waits meanwhile.
      for (const stream of streams) log.hold(groupOf(name, stream), 0)
      const started = clock.now()
      const { from, until } = await boundsOf(log, this.#parts.logFolder, ask.from, ask.to)
      const record: ReplayRecord = {
        version: 1,
        sink: ask.sink,
        lane: `${name}@${started.toString(36)}`,
        log: log.id,
        from,
        until,
        streams,
        ...(ask.rate === undefined ? {} : { rate: ask.rate }),
        started,
        principal,
      }
      await this.#keep(name, record)
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
    return statusOf(name, record, progress, target?.error, target?.note(name))
  }

  async end(name: string): Promise<{ status: ReplayStatus; forgotten: boolean }> {
    const { record } = this.#find(name)
    if (record.end === undefined) {
      await this.#finish(name, 'cancelled')
      return { status: this.get(name), forgotten: false }
    }
    const status = this.get(name)
    this.#known.delete(name)
    await this.#keep(name, undefined)
    return { status, forgotten: true }
  }

  /** Writes under way are finished; everything goes on at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { record } of this.#known.values())
      if (record.end === undefined) await this.#parts.targets.get(record.sink)?.end(record.lane)
  }

  #goOn(name: string, record: ReplayRecord): void {
    const target = this.#parts.targets.get(record.sink)
    if (record.end !== undefined) this.#known.set(name, { record, progress: this.#progressOf(record) })
    else if (target === undefined) this.#fail(name, record, `there is no sink ${record.sink} any more`)
    else if (record.log !== this.#parts.log.id) this.#fail(name, record, renewedMessage)
    else this.#run(name, record, target)
  }

  #run(name: string, record: ReplayRecord, target: ReplayTarget): void {
    const { log } = this.#parts
    const { sink, lane, from, until, rate, streams } = record
    const progress = this.#progressOf(record)
    this.#known.set(name, { record, progress })
    const taken = target.streams.filter(({ stream }) => streams.includes(stream))
    for (const { stream } of taken) log.hold(groupOf(name, stream), Number(from))
    const order = {
      lane,
      from,
      until,
      rate,
      streams: taken.map((each) => ({ ...each, group: groupOf(name, each.stream) })),
    }
    this.#parts.onEvent('info', `replay ${name} to ${sink}: numbers ${from} to ${until}`)
    target.start(name, order, {
      onStatus: (status) => progress.heard(status),
      onDone: () => this.#supervise(this.#finish(name, 'done')),
    })
  }

  /** It writes nothing more; what came of it is kept. */
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
    await this.#keep(name, known.record)
    this.#release(name, target)
    this.#parts.onEvent('info', `replay ${name} to ${record.sink} is ${state}: ${progress.rows} rows`)
  }

  #fail(name: string, record: ReplayRecord, error: string): void {
    const progress = this.#known.get(name)?.progress ?? this.#progressOf(record)
    const failed = this.#ended(record, progress, { state: 'failed', error })
    this.#known.set(name, { record: failed, progress })
    this.#parts.onEvent('error', `replay ${name} to ${record.sink} has failed: ${error}`)
    this.#supervise(this.#keep(name, failed))
  }

  #ended(
    record: ReplayRecord,
    progress: ReplayProgress,
    end: Pick<NonNullable<ReplayRecord['end']>, 'state' | 'error'>,
  ): ReplayRecord {
    const { until } = record
    const streams = progress.streams.map((each) =>
      end.state === 'done' ? { ...each, position: until } : each,
    )
    return { ...record, end: { ...end, at: this.#parts.clock.now(), streams } }
  }

  /** Under another id numbers are given a second time, and every sink is given everything anew. */
  #followRenewals(): void {
    const { log, targets } = this.#parts
    log.renewed.addEventListener(
      'abort',
      () => {
        for (const [name, { record }] of this.#known) {
          if (record.end !== undefined) continue
          const target = targets.get(record.sink)
          if (target !== undefined) this.#supervise(target.end(record.lane))
          this.#release(name, target)
          this.#fail(name, record, renewedMessage)
        }
        this.#followRenewals()
      },
      { once: true },
    )
  }

  async #keep(name: string, record: ReplayRecord | undefined): Promise<void> {
    const { intake } = this.#parts
    intake.tick()
    intake.set(replayKeys + name, record && encodeReplay(record))
    await intake.durable()
  }

  #release(name: string, target: ReplayTarget | undefined): void {
    for (const { stream } of target?.streams ?? []) this.#parts.log.release(groupOf(name, stream))
  }

  /** What nobody waits for: at the next start a replay whose end was not kept finds that it is done. */
  #supervise(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#isStopped) this.#parts.onEvent('error', `a replay: ${String(error)}`)
    })
  }

  #progressOf(record: ReplayRecord): ReplayProgress {
    return new ReplayProgress(record, this.#parts.clock)
  }

  #target(sink: string): ReplayTarget {
    const { targets } = this.#parts
    const target = targets.get(sink)
    if (target === undefined)
      throw new SluiceError(
        'not-found',
        `there is no sink ${sink} to replay to; those are: ${[...targets.keys()].join(', ')}`,
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
