import type { StateKeeper } from '../../src/app/kept-state/kept-state.ts'
import { type KeptState, keyedStreams } from '../../src/core/keyed-state.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import { createFormats } from '../../src/formats/table.ts'
import { mqttConfig } from '../../src/sources/mqtt/config.ts'
import { Addresses } from '../../src/sources/mqtt/connection/addresses.ts'
import { newCounters } from '../../src/sources/mqtt/counters.ts'
import { drain } from '../../src/sources/mqtt/drain.ts'
import { type GatewayContext, newGatewayContext } from '../../src/sources/mqtt/gateway-context.ts'
import { silentLog } from '../../src/sources/mqtt/log.ts'
import { sweepEveryMs, sweepGateway } from '../../src/sources/mqtt/sweep.ts'
import { devRouter, openAuthorizer } from '../support/mqtt-door.ts'
import { openSimulatedState, type SimulatedStateFile } from './state-store.ts'
import type { PipelineStatus } from '../../src/app/pipeline/runner.ts'
import { SinkPipeline } from '../../src/app/sink-pipeline.ts'
import { createIntake, type GroupCommitIntake } from '../../src/intake/intake.ts'
import { type EmbeddedLog, openOn } from '../../src/log/embedded/log.ts'
import { createFilter, filterSchema } from '../../src/processors/filter.ts'
import { openFileSink } from '../../src/sinks/file/file-sink.ts'
import { OpeningSink } from '../../src/sinks/opening-sink.ts'
import type { Machine } from './machine.ts'
import { runRemotePipelines } from './remote-pipelines.ts'
import { simulatedFolder } from './simulated-globals.ts'
import { WorldThread } from './simulated-thread.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { World } from './world.ts'

export const logFolder = `${simulatedFolder}/log`
export const sinkFile = `${simulatedFolder}/rows.ndjson`
/** Rows of this device never reach the store `near`. */
export const filteredDevice = 'filtered'

export interface ProgramOptions {
  readonly segmentBytes: number
  readonly maxBytes: number
  readonly retentionSeconds: number
  readonly commitRows: number
  readonly batchRows: number
  readonly lingerMs: number
  readonly rotateBytes: number
  /** Rotated files kept. */
  readonly rotateKeep: number
}

export interface Stores {
  /** In a process of its own: readings and dead letters. */
  readonly far: SimulatedStore
  readonly letters: SimulatedStore
  /** In the program's thread, behind a filter. */
  readonly near: SimulatedStore
  readonly state: SimulatedStateFile
}

export const gatewayConfig = mqttConfig.parse({ connectTimeoutMs: 10_000_000, stallMs: 10_000_000 })
const formats = createFormats(defaultRecordLimits)

/** What build.ts builds, less what needs sockets, threads and processes. It lives until it is stopped or its world ends it. */
export class Program {
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  readonly gateway: GatewayContext
  readonly #keeper: StateKeeper
  readonly #sweeper: number
  readonly #world: World
  readonly #sinks: readonly SinkPipeline[]
  readonly #stopping: AbortController
  readonly #remote: Promise<void>
  readonly #requests = new Set<Promise<void>>()

  private constructor(
    parts: Pick<Program, 'log' | 'intake' | 'gateway'>,
    world: World,
    keeper: StateKeeper,
    sinks: readonly SinkPipeline[],
    stopping: AbortController,
    remote: Promise<void>,
  ) {
    this.log = parts.log
    this.intake = parts.intake
    this.gateway = parts.gateway
    this.#world = world
    this.#keeper = keeper
    this.#sinks = sinks
    this.#stopping = stopping
    this.#remote = remote
    this.#sweeper = world.setTimer(() => sweepGateway(parts.gateway), sweepEveryMs, 'program', sweepEveryMs)
  }

  static async open(
    world: World,
    { storage }: Machine,
    { far, letters, near, state }: Stores,
    options: ProgramOptions,
  ): Promise<Program> {
    const { segmentBytes, maxBytes, retentionSeconds, commitRows, batchRows, lingerMs } = options
    const rotation = { maxBytes: options.rotateBytes, keep: options.rotateKeep }
    const writer = { segmentBytes, maxBytes, retentionSeconds, reserveBytes: 0 }
    const thread = new WorldThread(world, storage, logFolder, writer)
    const groups = ['far', 'letters', 'near', 'file', ...keyedStreams.map((stream) => `state/${stream}`)]
    const log = await openOn(thread, storage, logFolder, groups)
    const intake = createIntake(log, world.clock, log.start, {
      limits: { series: 1000, seriesPerDevice: 100, nameBytes: 100 },
      rules: [],
      strict: false,
      maxRows: commitRows,
      lingerMs,
      maxBytes: 4096,
      deadLetters: { maxBytes: 1e9 },
    })
    const stopping = new AbortController()
    const remote = runRemotePipelines(
      {
        world,
        storage,
        folder: logFolder,
        log,
        intake,
        name: 'far',
        maxRows: batchRows,
        lingerMs,
        onStatus() {},
      },
      [
        { store: far, group: 'far', processors: [] },
        { store: letters, group: 'letters', processors: [] },
      ],
      stopping.signal,
    )
    const filter = createFilter(filterSchema.parse({ device: filteredDevice, drop: true }))
    const file = new OpeningSink('file', () =>
      openFileSink('file', { path: sinkFile, ...rotation }, simulatedFolder),
    )
    const sinks = [
      new SinkPipeline(log, intake, near.connect(), 'readings', 'near', [filter], () => {}),
      new SinkPipeline(log, intake, file, 'readings', 'file', [], () => {}),
    ]
    const { kept, keeper } = await openSimulatedState(world, storage, logFolder, log, state)
    const gateway = openGateway(world, intake, kept)
    return new Program({ log, intake, gateway }, world, keeper, sinks, stopping, remote)
  }

  /** How the sink stands that writes a file. */
  get file(): PipelineStatus {
    // as: `open` makes two.
    return (this.#sinks[1] as SinkPipeline).status
  }

  /** A request that was begun is answered before its door closes. */
  serve(request: Promise<void>): void {
    this.#requests.add(request)
    const isOver = () => this.#requests.delete(request)
    request.then(isOver, (error: unknown) => {
      this.#world.failure ??= error
    })
  }

  /** As SIGTERM does it: in the reverse of the order in which build.ts builds. */
  async stop(): Promise<void> {
    await Promise.all([drain(this.gateway, Promise.resolve()), ...this.#requests])
    this.#world.clearTimer(this.#sweeper)
    await this.#keeper.stop()
    for (const sink of this.#sinks.toReversed()) await sink.stop()
    this.#stopping.abort()
    await this.#remote
    await this.intake.close()
    await this.log.close()
  }
}

function openGateway(world: World, intake: GroupCommitIntake, kept: KeptState): GatewayContext {
  return newGatewayContext(
    {
      config: gatewayConfig,
      limits: defaultRecordLimits,
      router: devRouter,
      format: formats.json,
      formats: formats.named,
      authorizer: openAuthorizer,
      clock: world.clock,
      log: silentLog,
      counters: newCounters(),
      addresses: new Addresses(),
      kept,
    },
    intake,
  )
}
