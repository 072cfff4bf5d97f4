import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { addDocumentation } from '../../src/api/documentation.ts'
import { addRest } from '../../src/api/rest/rest.ts'
import type { ReplayedSink } from '../../src/api/rest/rest-parts.ts'
import type { StoreQueries } from '../../src/api/rest/store-queries.ts'
import { createServer } from '../../src/api/server.ts'
import { localAuthorizer } from '../../src/auth/local-authorizer.ts'
import type { Authorizer } from '../../src/core/authorizer.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import { encodeCursor, type Position } from '../../src/core/position.ts'
import { measuredLog } from '../../src/app/measured-log.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createRouter, defaultTopics } from '../../src/formats/topics.ts'
import { createIntake, type GroupCommitIntake } from '../../src/intake/intake.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { TemporaryFolder } from '../../src/lib/temporary-folder.ts'
import { openEmbeddedLog } from '../../src/log/embedded/log.ts'
import { openStore, PaperLog } from './duckdb-store.ts'
import { Progress } from '../../src/app/pipeline/progress.ts'
import type { DuckdbStore } from '../../src/stores/duckdb/store.ts'

/** The REST routes on a free port, before a real store that a test fills by hand. */
export interface RestDoor {
  readonly url: string
  readonly store: DuckdbStore
  readonly log: PaperLog
  readonly intake: GroupCommitIntake
  /** How many are on disk. */
  commits(): number
  /** The folder of files being exported. */
  readonly exports: string
  /** What answers say that they hold at least, where the test says nothing of it. */
  readonly asOf: string
  get(path: string): Promise<{ status: number; body: unknown; headers: Headers }>
}

export interface RestDoorOptions {
  readonly minFreeBytes?: number
  /** Of dead letters. */
  readonly maxBytesPerDevice?: number
  readonly authorizer?: Authorizer
  /** Sees the server before it has any route. */
  readonly before?: (server: FastifyInstance) => void
  /** What the store has passed; nothing where the test does not say. */
  readonly passed?: () => Promise<void>
  /** What the sink main has taken again; everything where the test does not say. */
  readonly sinkPassed?: ReplayedSink['passed']
  /** Where the store says it stands. */
  readonly position?: () => Promise<Position>
}

export async function openRestDoor(
  t: TestContext,
  around: (store: DuckdbStore) => StoreQueries = (store) => store,
  options: RestDoorOptions = {},
): Promise<RestDoor> {
  const store = await openStore(t)
  const folder = path.join(os.tmpdir(), `sluice-rest-${process.pid}-${Math.random().toString(36).slice(2)}`)
  const exports = path.join(folder, 'exports')
  const embedded = await openEmbeddedLog(path.join(folder, 'log'), {
    segmentBytes: 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
    retentionSeconds: 3600,
    reserveBytes: 0,
    groups: [],
  })
  let commits = 0
  const log = measuredLog(embedded, systemClock, () => commits++)
  const intake = createIntake(log, systemClock, embedded.start, {
    limits: { series: 1_000, seriesPerDevice: 100, nameBytes: 1024 },
    rules: [],
    strict: false,
    maxRows: 1_024,
    lingerMs: 0,
    maxBytes: 1024 * 1024,
    deadLetters: { maxBytes: 1024 * 1024, maxBytesPerDevice: options.maxBytesPerDevice },
  })
  const unbegun = { log: embedded.id, partition: 0, next: 0n }
  // No pipeline feeds the store: it passes nothing of this log.
  const progress = new Progress(embedded.id)
  const server = createServer({
    authorizer: options.authorizer ?? localAuthorizer,
    hosts: [],
    origins: [],
    maxBodyBytes: 64 * 1024,
    report: (error) => t.diagnostic(String(error)),
  })
  options.before?.(server)
  await addDocumentation(server, '0.0.0')
  addRest(server, {
    store: around(store),
    position: options.position ?? (async () => unbegun),
    passed: options.passed ?? ((_stream, position, signal) => progress.passed(position, signal)),
    intake,
    authorizer: options.authorizer ?? localAuthorizer,
    router: createRouter(defaultTopics, defaultRecordLimits),
    formats: createFormats(defaultRecordLimits).named,
    sinks: new Map([['main', { passed: options.sinkPassed ?? (() => Promise.resolve()) }]]),
    writingSinks: new Set(['lines']),
    clock: systemClock,
    limits: defaultRecordLimits,
    temporary: new TemporaryFolder(exports),
    minFreeBytes: options.minFreeBytes ?? 0,
    seriesOfTopic: (topic) => {
      const [root, device, metric] = topic.split('/')
      return root === 'dev' && device !== undefined && metric !== undefined ? { device, metric } : undefined
    },
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.close()
    await intake.close()
    await embedded.close()
  })
  return {
    url,
    store,
    log: new PaperLog(),
    intake,
    commits: () => commits,
    exports,
    asOf: encodeCursor([unbegun]),
    async get(path) {
      const response = await fetch(url + path)
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json')
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
    },
  }
}
