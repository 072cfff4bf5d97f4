import type { DeadLetter, Intake } from '../../src/core/intake.ts'
import type { Position } from '../../src/core/position.ts'
import type { Processor } from '../../src/core/processor.ts'
import { SinkFailure } from '../../src/core/sink.ts'
import { lettersTo } from '../../src/app/sink-pipeline.ts'
import { type PipelineStatus, runPipeline } from '../../src/app/pipeline/runner.ts'
import type { EmbeddedLog } from '../../src/log/embedded/log.ts'
import { readStream } from '../../src/log/embedded/reader.ts'
import { RemoteTail } from '../../src/log/embedded/remote-tail.ts'
import type { MemoryStorage } from '../support/memory-storage.ts'
import { copied } from './copied.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { World } from './world.ts'

export interface RemoteParts {
  readonly world: World
  readonly storage: MemoryStorage
  readonly folder: string
  readonly log: EmbeddedLog
  readonly intake: Intake
  readonly name: string
  readonly maxRows: number
  readonly lingerMs: number
  onStatus(status: PipelineStatus): void
}

export interface RemotePipeline {
  readonly store: SimulatedStore
  readonly group: string
  readonly processors: readonly Processor[]
}

/**
 * What app/store-process does on both sides of its pipe, in the program's process: pipelines read the segments themselves, and every word
 * between them and the log (how far it is durable, what is held, letters, admission) is a message that arrives later, in its order.
 */
export async function runRemotePipelines(
  parts: RemoteParts,
  pipelines: readonly RemotePipeline[],
  signal: AbortSignal,
): Promise<void> {
  const { world, log, storage, folder } = parts
  const lane = `pipe of ${parts.name}`
  const there = (what: string, act: () => void) =>
    world.post('message', `${parts.name} tells ${what}`, act, 'program', `${lane} up`)
  const back = (what: string, act: () => void) =>
    world.post('message', `${parts.name} hears ${what}`, act, 'program', `${lane} down`)
  /** Asks the other side, and waits for its answer. */
  const ask = (what: string, act: () => Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => reject(new SinkFailure('retry', 'busy', String(error)))
      there(what, () => {
        act().then(
          () => back(what, resolve),
          (error: unknown) => back(what, () => fail(error)),
        )
      })
    })
  const tail = new RemoteTail(log.tail.watermark(), (next) => {
    there('what it wants', () => {
      log.tail.beyond(next, signal).then(
        () => {
          const watermark = copied(log.tail.watermark())
          back('how far it is', () => tail.moved(watermark))
        },
        () => undefined,
      )
    })
  })
  const letters = lettersTo(parts.intake)
  await Promise.all(
    pipelines.map(({ store, group, processors }) =>
      runPipeline(
        {
          name: store.name,
          log: log.id,
          stream: store.stream,
          admit: (position: Position | undefined) => ask('its position', () => log.admit(group, position)),
          consume: (options, until) =>
            readStream(
              { storage, folder, log: log.id, tail },
              store.stream,
              options,
              (next) => there('what it holds', () => log.acknowledge(group, next)),
              until,
            ),
          processors,
          sink: store.connect(),
          letters: {
            put: (all: readonly DeadLetter[]) => ask('letters', () => Promise.try(() => letters.put(all))),
          },
          clock: world.clock,
          maxRows: parts.maxRows,
          lingerMs: parts.lingerMs,
          onStatus: parts.onStatus,
        },
        signal,
      ),
    ),
  )
}
