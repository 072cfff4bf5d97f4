import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { openKeptState } from '../../src/app/kept-state/kept-state.ts'
import type { Authorizer } from '../../src/core/authorizer.ts'
import type { DeadLetter } from '../../src/core/intake.ts'
import { keyedStreams } from '../../src/core/keyed-state.ts'
import { createRoute, type Route, type Router } from '../../src/core/format.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createIntake, type GroupCommitIntake } from '../../src/intake/intake.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded/log.ts'
import { mqttConfig } from '../../src/sources/mqtt/config.ts'
import { createMqttGateway, type MqttGateway } from '../../src/sources/mqtt/gateway.ts'
import { type MqttLog, silentLog } from '../../src/sources/mqtt/log.ts'
import { GatedLog } from './gated-log.ts'

/** Everybody may do everything. */
export const openAuthorizer: Authorizer = {
  anonymous: () => ({ kind: 'local', name: 'local', roles: ['local'] }),
  named: (name) => ({ kind: 'local', name, roles: ['local'] }),
  decide: () => ({ allowed: true }),
}

/** `dev/…/<metric>` is an ingest topic, everything else plain MQTT. */
export const devRouter: Router = {
  route(bytes, from, to): Route | undefined {
    const topic = Buffer.from(bytes.subarray(from, to)).toString('utf8')
    const levels = topic.split('/')
    if (levels[0] !== 'dev' || levels.length < 3) return undefined
    const device = levels.slice(1, -1).join('/')
    return createRoute(topic, device, levels.at(-1))
  },
}

/** The system's clock, which a test can put forward; and the wall clock alone, as somebody who sets it does. */
export class ForwardClock implements Clock {
  #aheadMs = 0
  #setAheadMs = 0

  now(): number {
    return systemClock.now() + (this.#aheadMs + this.#setAheadMs) * 1000
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs
  }

  forward(ms: number): void {
    this.#aheadMs += ms
  }

  /** Sets the wall clock forward, or back. */
  set(ms: number): void {
    this.#setAheadMs += ms
  }
}

export interface MqttDoorOptions {
  readonly config?: Readonly<Record<string, unknown>>
  readonly authorizer?: Authorizer
  readonly router?: Router
  readonly maxIntakeBytes?: number
  readonly maxLetterBytes?: number
  readonly logger?: MqttLog
  /** Sessions, QoS 2 and retained messages are kept, over restarts too. */
  readonly keeps?: boolean
}

/** From one start to the next. */
interface Run {
  readonly port: number
  readonly gateway: MqttGateway
  readonly intake: GroupCommitIntake
  readonly log: GatedLog
  stop(): Promise<void>
}

/** The gateway on a free port before a real intake and a real log in a folder of its own. */
export class MqttDoor {
  readonly clock: ForwardClock
  readonly #options: MqttDoorOptions
  readonly #folder: string
  #run: Run

  private constructor(options: MqttDoorOptions, folder: string, clock: ForwardClock, run: Run) {
    this.#options = options
    this.#folder = folder
    this.clock = clock
    this.#run = run
  }

  static async open(options: MqttDoorOptions = {}): Promise<MqttDoor> {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-mqtt-'))
    const clock = new ForwardClock()
    try {
      return new MqttDoor(options, folder, clock, await start(folder, clock, options))
    } catch (error) {
      await fs.rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  get port(): number {
    return this.#run.port
  }

  get gateway(): MqttGateway {
    return this.#run.gateway
  }

  get intake(): GroupCommitIntake {
    return this.#run.intake
  }

  get log(): GatedLog {
    return this.#run.log
  }

  /** Dead letters committed so far. */
  get letters(): (Omit<DeadLetter, 'bytes'> & { readonly text: string })[] {
    return this.log.documents
      .filter(({ stream }) => stream === 'dead-letters')
      .map(({ body }) => {
        // as: the form that the intake keeps letters in.
        const { bytes, ...letter } = JSON.parse(body) as Omit<DeadLetter, 'bytes'> & { bytes: string }
        return { ...letter, text: Buffer.from(bytes, 'base64').toString('utf8') }
      })
  }

  /**
   * Ends everything and starts it on the same folder, on another port. `killed`: what has not reached the disk by now never does,
   * and nobody says goodbye to the sessions.
   */
  async restart(how: 'stopped' | 'killed' = 'stopped'): Promise<void> {
    if (how === 'killed') this.log.failure = new Error('the program was killed')
    await this.#run.stop()
    this.#run = await start(this.#folder, this.clock, this.#options)
  }

  /** Stops the gateway as SIGTERM does, then what is behind it. */
  async stop(): Promise<void> {
    await this.#run.stop()
    await fs.rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

async function start(folder: string, clock: Clock, options: MqttDoorOptions): Promise<Run> {
  const logFolder = path.join(folder, 'log')
  const groupOf = (stream: string) => `state/${stream}`
  const embedded = await openEmbeddedLog(logFolder, {
    segmentBytes: 16 * 1024 * 1024,
    maxBytes: 1024 * 1024 * 1024,
    retentionSeconds: 3600,
    reserveBytes: 0,
    groups: options.keeps === true ? keyedStreams.map(groupOf) : [],
  })
  const opened =
    options.keeps === true
      ? await openKeptState(embedded, {
          name: 'state',
          groupOf,
          file: path.join(folder, 'state.db'),
          logFolder,
          onStatus: () => {},
          onSetAside: () => {},
        })
      : undefined
  const log = new GatedLog(embedded)
  const intake = createIntake(log, clock, embedded.start, {
    limits: { series: 10_000, seriesPerDevice: 1_000, nameBytes: 1024 },
    rules: [],
    strict: false,
    maxRows: 32_768,
    lingerMs: 0,
    maxBytes: options.maxIntakeBytes ?? 64 * 1024 * 1024,
    deadLetters: { maxBytes: options.maxLetterBytes ?? 64 * 1024 * 1024 },
  })
  const formats = createFormats(defaultRecordLimits)
  const gateway = createMqttGateway({
    config: mqttConfig.parse({ port: 0, ...options.config }),
    router: options.router ?? devRouter,
    format: formats.json,
    formats: formats.named,
    authorizer: options.authorizer ?? openAuthorizer,
    clock,
    logger: options.logger ?? silentLog,
    ...(opened === undefined ? {} : { kept: opened.kept }),
  })
  const stopping = new AbortController()
  const run = gateway.run(intake, stopping.signal)
  const close = async (): Promise<void> => {
    log.letGo()
    await opened?.keeper.stop()
    await intake.close()
    await embedded.close()
  }
  const listening = gateway.listening()
  await Promise.race([run, listening]).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const { port } = await listening
  const stop = async (): Promise<void> => {
    stopping.abort()
    await run
    await close()
  }
  return { port, gateway, intake, log, stop }
}
