import { collectDefaultMetrics, Histogram, Registry } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import { addPulledMetrics } from './metric-names.ts'
import { PulledMetrics } from './pulled-metrics.ts'
import { shownMetrics } from './shown-operations.ts'
import type { Snapshot } from './snapshot.ts'

/** What is measured as it happens; everything else is read from a snapshot when somebody asks. */
export interface Metrics {
  /** A commit, from handing it to the log until it was durable. */
  commit(seconds: number): void
  /** A write of a sink. */
  write(sink: string, stream: string, seconds: number): void
  /** A row, from its receipt until the store had it. */
  endToEnd(sink: string, seconds: number): void
  /** Everything in the text form of Prometheus. */
  text(): Promise<string>
}

/** The route for scrapers. */
export function addMetrics(server: FastifyInstance, metrics: Metrics): void {
  const shown = {
    tags: ['operations'],
    summary: 'Metrics in the text form of Prometheus',
    response: shownMetrics,
  }
  server.get('/metrics', { config: { access: 'public', shown } }, async (_request, reply) => {
    const text = await metrics.text()
    return reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE).send(text)
  })
}

const commitBuckets = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]
const writeBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const endToEndBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600]
/** As the Nexus historian documents them. */
const batchBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

/**
 * Sluice's metrics and those of the process. Labels are doors, sinks, streams and the words of the books: their number is set by
 * configuration, never by what devices send. `mainStore` is the sink that stands for the database of the Nexus historian.
 */
export function createMetrics(snapshot: () => Snapshot, mainStore: string | undefined): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const pull = new PulledMetrics(registry)
  addPulledMetrics(pull)

  const registers = [registry]
  const commits = new Histogram({
    name: 'sluice_commit_seconds',
    help: 'From handing a commit to the log until it was durable.',
    buckets: commitBuckets,
    registers,
  })
  const writes = new Histogram({
    name: 'sluice_sink_write_seconds',
    help: 'Writes of sinks.',
    labelNames: ['sink', 'stream'],
    buckets: writeBuckets,
    registers,
  })
  const endToEnd = new Histogram({
    name: 'sluice_end_to_end_seconds',
    help: 'From the receipt of rows until the store held them; sampled.',
    labelNames: ['sink'],
    buckets: endToEndBuckets,
    registers,
  })
  const batches = new Histogram({
    name: 'data_ingestion_batch_duration_seconds',
    help: 'Time to write a batch of readings to the main store.',
    buckets: batchBuckets,
    registers,
  })
  return {
    commit: (seconds) => commits.observe(seconds),
    write(sink, stream, seconds) {
      writes.observe({ sink, stream }, seconds)
      if (sink === mainStore && stream === 'readings') batches.observe(seconds)
    },
    endToEnd: (sink, seconds) => endToEnd.observe({ sink }, seconds),
    text() {
      pull.refresh(snapshot())
      return registry.metrics()
    },
  }
}
