import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { addIngest, type IngestCounters } from '../../src/api/ingest/ingest.ts'
import { createServer } from '../../src/api/server.ts'
import { localAuthorizer } from '../../src/auth/local-authorizer.ts'
import type { Authorizer } from '../../src/core/authorizer.ts'
import type { Format } from '../../src/core/format.ts'
import { defaultRecordLimits, type RecordLimits } from '../../src/core/limits.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createIntake, type GroupCommitIntake } from '../../src/intake/intake.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded/log.ts'
import { GatedLog } from './gated-log.ts'

export interface HttpDoorOptions {
  readonly authorizer?: Authorizer
  readonly limits?: Partial<RecordLimits>
  readonly maxIntakeBytes?: number
  readonly maxHeldBytes?: number
  readonly format?: Format
  /** Sees the server before it has any route. */
  readonly before?: (server: FastifyInstance) => void
  /** Adds further routes before the server listens. */
  readonly add?: (server: FastifyInstance) => Promise<void> | void
}

/** What POST /api/v1/readings answers. */
export interface IngestAnswer {
  readonly accepted?: number
  readonly refused?: number
  readonly cursor?: string
  readonly refusals?: readonly {
    readonly line?: number
    readonly index?: number
    readonly field?: string
    readonly code: string
    readonly reason: string
  }[]
  readonly error?: { readonly code: string; readonly message: string; readonly requestId: string }
}

/** The HTTP server with the ingest route on a free port, before a real intake and a real log in a folder of its own. */
export class HttpDoor {
  readonly url: string
  readonly port: number
  readonly server: FastifyInstance
  readonly intake: GroupCommitIntake
  readonly log: GatedLog
  readonly counters: IngestCounters
  /** Failures of the server's own. */
  readonly reports: readonly unknown[]
  readonly #stop: () => Promise<void>

  private constructor(
    parts: Pick<HttpDoor, 'port' | 'server' | 'intake' | 'log' | 'counters' | 'reports'>,
    stop: () => Promise<void>,
  ) {
    this.port = parts.port
    this.url = `http://127.0.0.1:${parts.port}`
    this.server = parts.server
    this.intake = parts.intake
    this.log = parts.log
    this.counters = parts.counters
    this.reports = parts.reports
    this.#stop = stop
  }

  static async open(options: HttpDoorOptions = {}): Promise<HttpDoor> {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-http-'))
    const embedded = await openEmbeddedLog(folder, {
      segmentBytes: 16 * 1024 * 1024,
      maxBytes: 1024 * 1024 * 1024,
      retentionSeconds: 3600,
      reserveBytes: 0,
      groups: [],
    })
    const log = new GatedLog(embedded)
    const intake = createIntake(log, systemClock, embedded.start, {
      limits: { series: 100_000, seriesPerDevice: 1_000, nameBytes: 1024 },
      rules: [],
      strict: false,
      maxRows: 32_768,
      lingerMs: 0,
      maxBytes: options.maxIntakeBytes ?? 64 * 1024 * 1024,
      deadLetters: { maxBytes: 64 * 1024 * 1024 },
    })
    const limits = { ...defaultRecordLimits, ...options.limits }
    const formats = createFormats(limits)
    const reports: unknown[] = []
    const server = createServer({
      authorizer: options.authorizer ?? localAuthorizer,
      hosts: [],
      origins: [],
      maxBodyBytes: limits.batchBytes,
      report: (error) => reports.push(error),
    })
    options.before?.(server)
    const counters = addIngest(server, {
      intake,
      format: options.format ?? formats.json,
      protobufOf: formats.protobufOf,
      limits,
      maxHeldBytes: options.maxHeldBytes ?? 3 * limits.batchBytes,
    })
    await options.add?.(server)
    const address = await server.listen({ host: '127.0.0.1', port: 0 })
    const port = Number(new URL(address).port)
    return new HttpDoor({ port, server, intake, log, counters, reports }, async () => {
      log.letGo()
      await server.close()
      await intake.close()
      await embedded.close()
      await fs.rm(folder, { recursive: true, force: true })
    })
  }

  async post(
    body: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
    query = '',
  ): Promise<{ status: number; headers: Headers; answer: IngestAnswer }> {
    const response = await fetch(`${this.url}/api/v1/readings${query}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    const answer = (await response.json()) as IngestAnswer // the shape that every test of it looks at
    return { status: response.status, headers: response.headers, answer }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}
