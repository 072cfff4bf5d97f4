import { scanning } from '../../src/log/embedded/scan.ts'
import { DirectSender } from './direct-sender.ts'
import { asError, drive } from './drive.ts'
import { Ledger, SinkLedger } from './ledger.ts'
import type { HistoryResult } from './history-result.ts'
import { judge } from './judge.ts'
import { LetterLedger } from './letter-ledger.ts'
import { Machine } from './machine.ts'
import { MessageLedger } from './message-ledger.ts'
import { MqttPublisher } from './mqtt-publisher.ts'
import { MqttReader } from './mqtt-reader.ts'
import { MqttSubscriber, sessionSeconds } from './mqtt-subscriber.ts'
import { drawPlan, type Plan } from './plan.ts'
import { gatewayConfig, Program, sinkFile } from './program.ts'
import { FileRows } from './file-rows.ts'
import { enter } from './simulated-globals.ts'
import { SimulatedFiles } from './simulated-files.ts'
import { type OnRow, SimulatedStore, type StoredRow, type Trouble } from './simulated-store.ts'
import { SimulatedStateFile } from './state-store.ts'
import { must, Violation } from './violation.ts'
import { World } from './world.ts'

export async function runHistory(seed: number, isRecording = false): Promise<HistoryResult> {
  const history = new History(seed, isRecording)
  return await history.run()
}

/** What the program allows itself (app/run.ts), before it ends at once. */
const stopWithinMs = 8_000
/** More events than any history has that comes to an end. */
const maxLooks = 100
const maxEvents = 20_000

/** One life of a machine: messages, faults, crashes and starts as the seed has them; then all is well, everything drains, and is judged. */
class History {
  readonly #seed: number
  readonly #world: World
  readonly #plan: Plan
  readonly #machine: Machine
  readonly #ledger = new Ledger()
  readonly #letters: LetterLedger
  readonly #ledgers: { readonly far: SinkLedger; readonly near: SinkLedger }
  readonly #stores: {
    readonly far: SimulatedStore
    readonly near: SimulatedStore
    readonly letters: SimulatedStore
    readonly state: SimulatedStateFile
  }
  readonly #files: SimulatedFiles
  readonly #fileRows: FileRows
  readonly #senders: readonly DirectSender[]
  readonly #messages = new MessageLedger()
  readonly #publishers: readonly MqttPublisher[]
  readonly #subscribers: readonly MqttSubscriber[]
  #reader: MqttReader | undefined
  #program: Program | undefined
  #state: 'down' | 'starting' | 'running' | 'stopping' = 'down'
  #boot = 0
  #events = 0
  #crashes = 0
  #stops = 0
  /** Ends of a program that the plan has asked for. */
  #ends = 0
  #sent = 0
  /** Events until the program is killed, or told to stop. */
  #untilEnd: number
  /** By the clock of the world: a stop that is under way is over by then. */
  #stopByMs = 0
  /** What publishers were not told when a stop in which nothing failed had come to its end, and how far the log was. */
  readonly #unsaid: { readonly values: readonly number[]; readonly next: number }[] = []
  /** The wall clock has. */
  #hasJumped = false
  #isSettling = false
  #isOver = false
  #untilLook = 0
  /** How often it was looked for what is retained. */
  #looks = 0

  constructor(seed: number, isRecording: boolean) {
    this.#seed = seed
    this.#world = new World(seed, isRecording)
    const world = this.#world
    this.#plan = drawPlan(world)
    Object.assign(world.slowness, this.#plan.slowness)
    world.haste = this.#plan.haste
    this.#machine = new Machine(world, this.#plan.disk)
    this.#fileRows = new FileRows(this.#machine.storage, sinkFile, this.#plan.program)
    this.#files = new SimulatedFiles(world, this.#machine.storage, (file) => this.#fileRows.removes(file))
    this.#letters = new LetterLedger(this.#ledger)
    const ledgers = { far: new SinkLedger('far', this.#ledger), near: new SinkLedger('near', this.#ledger) }
    this.#ledgers = ledgers
    const { trouble } = this.#plan
    const never = () => false
    const take = (ledger: SinkLedger) => (row: StoredRow) => {
      ledger.take(row.number, row.value)
      return 'stored' as const
    }
    const store = (name: string, stream: string, bad: Partial<Trouble>, onRow: OnRow) =>
      new SimulatedStore(
        world,
        name,
        stream,
        { isRefused: never, isChoked: never, ...trouble, ...bad },
        onRow,
      )
    const isBad = (value: number) => value > 0 && value % this.#plan.badEvery === 3
    const isNamed = (value: number) => !this.#isSettling && isBad(value)
    // At the end it names none, for one that refuses everything it is given is down.
    const isChoked = (value: number) => this.#isSettling && isBad(value)
    this.#stores = {
      far: store('far', 'readings', { isRefused: isNamed, isChoked }, take(ledgers.far)),
      near: store('near', 'readings', { isChoked: isBad }, take(ledgers.near)),
      state: new SimulatedStateFile(world),
      letters: store('letters', 'dead-letters', {}, (row) => this.#letters.take(row.number, row.body)),
    }
    this.#senders = Array.from(
      { length: this.#plan.senders },
      (_, i) => new DirectSender(world, this.#ledger, `sender ${i}`),
    )
    this.#publishers = Array.from(
      { length: this.#plan.publishers },
      (_, i) => new MqttPublisher(world, this.#ledger, this.#messages, `publisher ${i}`),
    )
    this.#subscribers = this.#plan.publishers > 0 ? [new MqttSubscriber(world, this.#messages)] : []
    this.#untilEnd = this.#drawEnd()
  }

  async run(): Promise<HistoryResult> {
    enter(this.#world, this.#files)
    scanning.windowBytes = 8 * 1024
    // Errors are what a simulation is made of, and nobody reads where they come from but in a record.
    const { stackTraceLimit } = Error
    if (!this.#world.trace.isRecording) Error.stackTraceLimit = 0
    const fail = (error: unknown) => {
      this.#world.failure ??= error
    }
    process.on('unhandledRejection', fail)
    process.on('uncaughtException', fail)
    let violation: string | undefined
    try {
      this.#start()
      await drive(() => this.#next())
    } catch (error) {
      violation =
        error instanceof Violation
          ? error.message
          : `it threw ${error instanceof Error ? error.stack : String(error)}`
    } finally {
      process.off('unhandledRejection', fail)
      process.off('uncaughtException', fail)
      Error.stackTraceLimit = stackTraceLimit
      enter(undefined)
    }
    const { trace } = this.#world
    return {
      seed: this.#seed,
      hash: trace.hash,
      events: this.#events,
      offered: this.#ledger.offers.length,
      acked: this.#ledger.acked,
      crashes: this.#crashes,
      stops: this.#stops,
      violation,
      trace: trace.lines,
    }
  }

  /** True: the history is over. */
  #next(): boolean {
    if (this.#world.failure !== undefined) throw asError(this.#world.failure)
    this.#events++
    must(this.#events < maxEvents, () => `it does not come to an end: ${this.#unsettled() ?? 'settled'}`)
    this.#happen()
    return this.#isOver
  }

  #happen(): void {
    const world = this.#world
    if (this.#machine.storage.isStopped) return this.#crash()
    if (!this.#isSettling && this.#ends < this.#plan.ends && --this.#untilEnd <= 0) return this.#end()
    if (!this.#isSettling && world.chance(this.#plan.clock.jumps)) this.#setClock()
    if (!this.#isSettling && this.#state === 'running' && world.chance(this.#plan.sendRate))
      return this.#send()
    if (this.#state === 'stopping') this.#watchStop()
    if (this.#state === 'running' && world.chance(this.#isSettling ? 0.02 : this.#plan.comeRate))
      this.#comeAndGo()
    if (this.#isSettling && --this.#untilLook <= 0) {
      this.#untilLook = 20
      if (this.#state === 'running' && this.#unsettled() === undefined) return this.#endWell()
    }
    must(world.step(), () => `nothing will ever happen: ${this.#state}, ${this.#unsettled()}`)
  }

  #send(): void {
    if (this.#sent++ >= this.#plan.messages) return this.#settle()
    if (this.#program === undefined) return
    const i = this.#world.below(this.#senders.length + this.#publishers.length)
    this.#senders[i]?.send(this.#program, this.#boot)
    this.#publishers[i - this.#senders.length]?.publish()
  }

  /** A client connects, or goes without a word. */
  #comeAndGo(): void {
    const clients = [...this.#publishers.filter(({ isGone }) => !isGone), ...this.#subscribers]
    if (clients.length === 0 || this.#program === undefined) return
    const client = this.#world.pick(clients)
    if (client.link === undefined) client.come(this.#program.gateway)
    else if (!this.#isSettling && this.#world.chance(0.2)) client.leave()
  }

  /** Everything is where it belongs; what is retained is still to be asked. */
  #endWell(): void {
    if (this.#program === undefined) return
    if (this.#publishers.some(({ isGone }) => !isGone)) return this.#partForGood(this.#program)
    if (this.#publishers.length > 0) {
      this.#reader ??= new MqttReader(this.#world, this.#program.gateway)
      // What is retained comes behind the answer, as fast as the client reads.
      if (
        !this.#reader.isAnswered ||
        (++this.#looks < maxLooks && !this.#messages.isRetained(this.#reader.retained))
      )
        return
      this.#messages.judgeRetained(this.#reader.retained)
    }
    this.#judge()
  }

  /** All publishers go without a word, or the program does: once it is written that they are there, which a full log does not keep them waiting for. */
  #partForGood({ gateway }: Program): void {
    const isKilled = this.#world.chance(0.3) && !gateway.keeper.isDirty
    for (const publisher of this.#publishers) publisher.goForGood(!isKilled)
    if (!isKilled) return
    const part = () => {
      if (!gateway.keeper.isDirty) return this.#crash()
      for (const publisher of this.#publishers) publisher.leave()
    }
    const settled = () => this.#world.post('turn', 'what clients have is written', part, 'outside')
    gateway.commits.settled().then(settled, settled)
  }

  #start(): void {
    this.#state = 'starting'
    this.#boot++
    this.#machine.isStarting = true
    const { faults } = this.#machine
    const options = this.#plan.program
    Program.open(this.#world, this.#machine, this.#stores, options).then(
      (program) => {
        this.#program = program
        this.#state = 'running'
        this.#machine.isStarting = false
      },
      (error: unknown) => {
        if (this.#machine.storage.isStopped) return
        if (this.#machine.faults === faults) {
          this.#world.failure = new Violation(`a start failed though nothing was wrong: ${String(error)}`)
          return
        }
        this.#world.post('turn', 'a supervisor', () => this.#crash('kill'), 'outside')
      },
    )
  }

  /** Somebody does, back or forth. */
  #setClock(): void {
    this.#hasJumped = true
    this.#world.setWallClock((2 * this.#world.random() - 1) * this.#plan.clock.seconds)
  }

  /** What the plan has for the program: most are killed, some are told to stop. */
  #end(): void {
    this.#ends++
    this.#untilEnd = this.#drawEnd()
    if (this.#state !== 'running' || !this.#world.chance(this.#plan.stops)) return this.#crash()
    // Something is always under way when it comes.
    for (let i = 0; i < 3 && !this.#isSettling; i++) this.#send()
    const boot = this.#boot
    const stop = () => {
      if (this.#boot === boot && this.#state === 'running') this.#stop()
    }
    this.#world.post('message', 'SIGTERM', stop, 'outside')
  }

  /** SIGTERM. It may be killed before it has come to its end. */
  #stop(): void {
    const program = this.#program
    if (program === undefined) return
    this.#state = 'stopping'
    if (this.#world.chance(0.4)) this.#untilEnd = 1 + this.#world.below(80)
    // In haste time goes on though nothing waits for it, as if the machine were slow beyond measure.
    this.#stopByMs = this.#world.clock.monotonicMs() + (this.#world.haste > 0 ? 600_000 : stopWithinMs)
    const startedMs = this.#world.clock.monotonicMs()
    const ended = () => this.#world.post('turn', 'the process has ended', () => this.#stopped(), 'outside')
    const isWell = () => this.#machine.faults === 0 && !this.#machine.storage.isStopped
    program.stop().then(
      () => {
        const tookMs = this.#world.clock.monotonicMs() - startedMs
        if (isWell() && tookMs < gatewayConfig.drainMs) this.#noteUnsaid(program)
        ended()
      },
      (error: unknown) => {
        if (!isWell()) return ended()
        this.#world.failure = new Violation(`a stop failed though nothing was wrong: ${String(error)}`)
      },
    )
  }

  #noteUnsaid({ log, gateway }: Program): void {
    const { next } = log.tail.watermark()
    for (const publisher of this.#publishers)
      for (const { values = [] } of publisher.unsaid(gateway)) this.#unsaid.push({ values, next })
  }

  #watchStop(): void {
    const world = this.#world
    must(world.clock.monotonicMs() <= this.#stopByMs, () => 'it does not come to an end: a stop')
    // Clients do not know of it.
    if (this.#publishers.length === 0 || !world.chance(this.#plan.sendRate)) return
    const publisher = world.pick(this.#publishers)
    if (world.chance(0.1)) publisher.leave()
    else publisher.publish()
  }

  #stopped(): void {
    this.#stops++
    this.#over('kill')
  }

  #crash(how: 'kill' | 'power' = this.#world.chance(0.5) ? 'kill' : 'power'): void {
    this.#crashes++
    this.#over(how)
  }

  #over(how: 'kill' | 'power'): void {
    this.#world.trace.add(how)
    for (const { link } of [...this.#publishers, ...this.#subscribers]) link?.die()
    this.#world.endProgram()
    this.#program = this.#reader = undefined
    this.#machine.die(how)
    const mayExpire = this.#hasJumped && 2 * this.#plan.clock.seconds >= sessionSeconds
    for (const subscriber of this.#subscribers) subscriber.mayExpire ||= mayExpire
    this.#start()
  }

  /** From here on nothing goes wrong any more. */
  #settle(): void {
    this.#isSettling = true
    this.#machine.heal()
    const { far, near, letters } = this.#stores
    for (const { trouble } of [far, near, letters]) trouble.down = trouble.cutBefore = trouble.cutAfter = 0
    this.#crash()
  }

  #drawEnd(): number {
    return 1 + this.#world.below(this.#plan.endEvery)
  }

  /** What is still on its way, in words. */
  #unsettled(): string | undefined {
    const program = this.#program
    if (program === undefined) return 'there is no program'
    const { state } = program.log.status()
    const { rows } = program.log.tail.watermark()
    if (state !== 'open') return `the log is ${state}`
    const ends = [
      ['far', this.#stores.far.books.handed, rows['readings'] ?? 0],
      ['near', this.#stores.near.books.handed, rows['readings'] ?? 0],
      ['file', program.file.books.handed, rows['readings'] ?? 0],
      ['letters', this.#stores.letters.books.handed, rows['dead-letters'] ?? 0],
    ] as const
    const late = ends.find(([, handed, written]) => handed < written)
    if (late !== undefined) return `${late[0]} was handed ${late[1]} of ${late[2]}`
    // Edits are no rows.
    const { far, near } = this.#ledgers
    const isLate = (value: number) => value < 0 && !far.has(value)
    const edit = this.#ledger.offers.find(({ answer, values }) => answer === 'acked' && values.some(isLate))
    if (edit !== undefined) return `far waits for the edit ${edit.values.join()}`
    const { position } = program.file
    if (near.lastEdit < far.lastEdit || Number(position?.next ?? 0) <= far.lastEdit) return 'an edit is late'
    const unanswered = this.#publishers.find((publisher) => publisher.unanswered > 0)
    if (unanswered !== undefined) return `a publisher waits for ${unanswered.unanswered} answers`
    const owed = this.#messages.owed()
    if (owed !== undefined)
      return `lost, or late: the subscriber waits for message ${owed.id} on ${owed.topic}`
    return undefined
  }

  #judge(): void {
    this.#isOver = true
    if (this.#program === undefined) return
    const [lines, filtered] = [this.#fileRows.all(), this.#ledger.filtered]
    const file = new SinkLedger('file', this.#ledger)
    judge(this.#program, this.#stores, { ...this.#ledgers, file, letters: this.#letters, filtered, lines })
    for (const { values, next } of this.#unsaid) file.judgeUnsaid(values, next)
  }
}
