import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Authorizer } from '../../src/core/authorizer.ts'
import type { DeadLetter } from '../../src/core/intake.ts'
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

/** The system's clock, whose timers a test can put forward. */
export class ForwardClock implements Clock {
  #ahead = 0

  now(): number {
    return systemClock.now()
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#ahead
  }

  forward(ms: number): void {
    this.#ahead += ms
  }
}

export interface MqttDoorOptions {
  readonly config?: Readonly<Record<string, unknown>>
  readonly authorizer?: Authorizer
  readonly router?: Router
  readonly maxIntakeBytes?: number
  readonly maxLetterBytes?: number
  readonly logger?: MqttLog
}

/** The gateway on a free port before a real intake and a real log in a folder of its own. */
export class MqttDoor {
  readonly port: number
  readonly gateway: MqttGateway
  readonly intake: GroupCommitIntake
  readonly log: GatedLog
  readonly clock: ForwardClock
  readonly #stop: () => Promise<void>

  private constructor(
    parts: Pick<MqttDoor, 'port' | 'gateway' | 'intake' | 'log' | 'clock'>,
    stop: () => Promise<void>,
  ) {
    this.port = parts.port
    this.gateway = parts.gateway
    this.intake = parts.intake
    this.log = parts.log
    this.clock = parts.clock
    this.#stop = stop
  }

  static async open(options: MqttDoorOptions = {}): Promise<MqttDoor> {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-mqtt-'))
    const embedded = await openEmbeddedLog(folder, {
      segmentBytes: 16 * 1024 * 1024,
      maxBytes: 1024 * 1024 * 1024,
      retentionSeconds: 3600,
      reserveBytes: 0,
      groups: [],
    })
    const log = new GatedLog(embedded)
    const clock = new ForwardClock()
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
    })
    const stopping = new AbortController()
    const run = gateway.run(intake, stopping.signal)
    const close = async (): Promise<void> => {
      log.letGo()
      await intake.close()
      await embedded.close()
      await fs.rm(folder, { recursive: true, force: true })
    }
    const listening = gateway.listening()
    await Promise.race([run, listening]).catch(async (error: unknown) => {
      await close()
      throw error
    })
    const { port } = await listening
    return new MqttDoor({ port, gateway, intake, log, clock }, async () => {
      stopping.abort()
      await run
      await close()
    })
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

  /** Stops the gateway as SIGTERM does, then what is behind it. */
  stop(): Promise<void> {
    return this.#stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}
