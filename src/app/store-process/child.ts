import os from 'node:os'
import type { Batch } from '../../core/batch.ts'
import { type PackedBatch, packBatch, unpackBatch } from '../../core/copied-batch.ts'
import { batchOf, decodeLetterReplay, letterReplaysStream } from '../../core/letter-replay.ts'
import { bytesAt } from '../../core/text-column.ts'
import { systemClock } from '../../lib/clock.ts'
import { saveCompiledCode } from '../../lib/compile-cache.ts'
import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import type { DeadLetter } from '../../core/intake.ts'
import type { Position } from '../../core/position.ts'
import { SinkFailure } from '../../core/sink.ts'
import type { CopyPart, StoreCopy } from '../../core/store.ts'
import { diskStorage } from '../../lib/storage.ts'
import type { Damage } from '../../log/embedded/group-walk.ts'
import { type ReaderPlace, readStream } from '../../log/embedded/reader.ts'
import { RemoteTail } from '../../log/embedded/remote-tail.ts'
import { createProcessors } from '../../processors/table.ts'
import { type OpenStore, openStore } from '../../stores/table.ts'
import type { Letters } from '../pipeline/letters.ts'
import { Progress } from '../pipeline/progress.ts'
import { runPipeline } from '../pipeline/runner.ts'
import { ChildReplays } from './child-replays.ts'
import {
  aliveEveryMs,
  type FromStore,
  type PipelineStart,
  type StoreStart,
  type ToStore,
} from './protocol.ts'

/**
 * The process that owns an embedded store: it reads the log's segments itself, writes, and answers queries, so an abort of the
 * engine cannot take the gateway with it. It ends when its parent does.
 */
const stopping = new AbortController()
// Devices come before people who look: on a busy machine the engine's threads, which inherit this, wait for the gateway's. A log that grows
// is read later; an acknowledgement that is late is late. (Four dashboards doubled and more the 99th percentile without it.)
os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL)
const calls = new Map<number, { abort: AbortController; iterator: AsyncIterator<unknown> | undefined }>()
const askers = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
let nextAsk = 0
let tail: RemoteTail | undefined
/** Of each pipeline, by stream. */
const progress = new Map<string, Progress>()
let store: OpenStore | undefined
let replays: ChildReplays | undefined
let pipelines: Promise<unknown> = Promise.resolve()

process.on('message', (message: ToStore) => receive(message))
// The parent is gone: whatever is not committed belongs to the next owner.
process.on('disconnect', () => process.exit(0))
// The parent decides when to stop; a Ctrl-C in a terminal reaches the whole process group.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
setInterval(() => send({ kind: 'alive' }), aliveEveryMs).unref()

function send(message: FromStore): void {
  // With the parent gone there is nobody to tell, and 'disconnect' follows.
  process.send?.(message, () => undefined)
}

function receive(message: ToStore): void {
  if (message.kind === 'start') supervise(start(message))
  else if (message.kind === 'watermark') tail?.moved(message.watermark)
  else if (message.kind === 'done') settle(message.id, message.error, message.value)
  else if (message.kind === 'call') supervise(answer(message.id, () => open(message)))
  else if (message.kind === 'pull') supervise(answer(message.id, () => pull(message.id)))
  else if (message.kind === 'cancel') cancel(message.id)
  else if (message.kind === 'end-replay') replays?.end(message.lane)
  else if (message.kind === 'replay') {
    // One that comes before the store is open is told again.
    if (replays !== undefined) supervise(replays.start(message.order))
  } else supervise(stop())
}

/** Everything told to this process answers for its own failures; what escapes is a defect, and the parent starts it again. */
function supervise(work: Promise<void>): void {
  work.catch((error: unknown) => {
    const { code, message } = told(error)
    send({ kind: 'failed', code, message })
  })
}

async function start(message: StoreStart): Promise<void> {
  try {
    const { log } = message
    tail = new RemoteTail(log.watermark, (next) => send({ kind: 'want', next }))
    for (const { stream } of message.pipelines) progress.set(stream, new Progress(log.id))
    const { type, options, place } = message.store
    const warn = (message: string) => send({ kind: 'warning', message })
    const opened = await openStore(type, options, place, warn)
    store = opened
    // The parent ends this process and starts another, which goes on from the positions in the file.
    supervise(
      opened.broken.then((error) => {
        throw error
      }),
    )
    replays = replaysOf(opened, message)
    send({ kind: 'ready' })
    pipelines = Promise.all(message.pipelines.map((pipeline) => run(opened, message, pipeline)))
    saveCompiledCode()
  } catch (error) {
    const { code, message } = told(error)
    send({ kind: 'failed', code, message })
  }
}

async function run(opened: OpenStore, { store, log }: StoreStart, pipeline: PipelineStart): Promise<void> {
  const place = placeOf(log)
  const isReplays = pipeline.stream === letterReplaysStream
  await runPipeline(
    {
      name: store.place.name,
      log: log.id,
      stream: pipeline.stream,
      admit: (position) => ask((id) => ({ kind: 'admit', id, group: pipeline.group, position })),
      consume: (options, signal) =>
        readStream(
          place,
          pipeline.stream,
          options,
          (next) => {
            progress.get(pipeline.stream)?.moved(BigInt(next))
            send({ kind: 'ack', group: pipeline.group, next })
          },
          signal,
        ),
      read: isReplays ? (batch) => readLetterReplay(batch, store.place.name, log.id) : undefined,
      processors: await createProcessors(pipeline.processors),
      sink: isReplays ? opened.replaySink('letters', pipeline.stream) : opened.sink(pipeline.stream),
      letters,
      clock: systemClock,
      maxRows: pipeline.maxRows,
      lingerMs: pipeline.lingerMs,
      restMs: pipeline.restMs,
      onStatus: (status) => send({ kind: 'status', status }),
    },
    stopping.signal,
  )
}

/**
 * The row of a letter that is replayed into this store, no row for another's. It must lie behind the lane that it once came by, which would
 * take it for new: so a store that is filled anew has it twice no more than others.
 */
async function readLetterReplay(batch: Batch, store: string, log: string): Promise<Batch> {
  if (batch.kind !== 'documents' || batch.length !== 1) throw new TypeError('a replayed letter comes alone')
  const { sink, number, row } = decodeLetterReplay(bytesAt(batch.body, 0))
  if (sink !== store) return { ...batch, length: 0 }
  const again = batchOf(row, number)
  const stream = again.kind === 'documents' ? again.stream : 'readings'
  await progress.get(stream)?.passed({ log, partition: 0, next: number + 1n }, stopping.signal)
  return again
}

/** What a reader of the log needs to know. */
function placeOf({ id, folder }: StoreStart['log']): ReaderPlace {
  const onDamage = (damage: Damage) => send({ kind: 'damage', damage })
  return { storage: diskStorage, folder, log: id, tail: tail as RemoteTail, onDamage }
}

/** Live traffic with more numbers before it waits: a replay writes nothing meanwhile. */
const liveNumbers = 32_768n

function replaysOf(opened: OpenStore, { store, log }: StoreStart): ChildReplays {
  const acknowledge = (group: string, next: number) => send({ kind: 'ack', group, next })
  return new ChildReplays(
    {
      name: store.place.name,
      log: log.id,
      sink: (stream, lane) => opened.replaySink(lane, stream),
      admit: (group, position) => ask((id) => ({ kind: 'admit', id, group, position })),
      consume: (stream, group, options, signal) =>
        readStream(placeOf(log), stream, options, (next) => acknowledge(group, next), signal),
      acknowledge,
      processors: (stream) => createProcessors(stream.processors),
      adopt: async (logs, lane) => {
        if (opened.copy === undefined) throw new SinkFailure('stop', 'store-refused', noCopies)
        await opened.copy.adopt(logs, lane)
      },
      scan: scanElsewhere,
      isLiveBehind() {
        const end = BigInt(tail?.watermark().next ?? 0)
        return [...progress.values()].some(({ next }) => end - next > liveNumbers)
      },
      letters,
      clock: systemClock,
    },
    send,
  )
}

const noCopies = 'a store of this type is not copied'
let nextCopy = 0

/** Another store's rows, batch by batch through the parent. */
async function* scanElsewhere(store: string, part: CopyPart, from: bigint): AsyncGenerator<Batch> {
  const copy = nextCopy++
  try {
    for (;;) {
      const packed = await question((id) => ({ kind: 'copy-next', id, copy, store, part, from }))
      if (packed === undefined) return
      yield unpackBatch(packed as PackedBatch) // as that store's process has packed it
    }
  } finally {
    send({ kind: 'copy-end', copy })
  }
}

/** This store's rows, for another's process. */
async function* scanHere(
  copy: StoreCopy,
  args: readonly unknown[],
  signal: AbortSignal,
): AsyncGenerator<PackedBatch> {
  const [part, from] = args as [CopyPart, bigint] // as the parent's proxy sends them
  for await (const batch of copy.scan(part, from, signal)) yield packBatch(batch)
}

const letters: Letters = {
  put: (all: readonly DeadLetter[]) => ask((id) => ({ kind: 'letters', id, letters: all })),
}

/** Asks the parent, and waits until it has done so. */
async function ask(message: (id: number) => FromStore): Promise<void> {
  await question(message)
}

/** The same, for what the parent answers. */
function question(message: (id: number) => FromStore): Promise<unknown> {
  const id = nextAsk++
  return new Promise((resolve, reject) => {
    askers.set(id, { resolve, reject })
    send(message(id))
  })
}

function settle(id: number, error: string | undefined, value: unknown): void {
  const asker = askers.get(id)
  askers.delete(id)
  if (error === undefined) asker?.resolve(value)
  else asker?.reject(new SinkFailure('retry', 'busy', error))
}

const closing = { code: 'store-down', message: 'the store is closing' } as const

/** Runs a call or the next step of one, and sends what came of it. */
async function answer(id: number, step: () => Promise<{ value: unknown; done: boolean }>): Promise<void> {
  try {
    const { value, done } = await step()
    if (done) calls.delete(id)
    send({ kind: 'result', id, value, done })
  } catch (error) {
    calls.delete(id)
    // Whatever a call says that was called off: the store goes, and may come back.
    const { code, message } = stopping.signal.aborted ? closing : told(error)
    send({ kind: 'error', id, code, message })
  }
}

async function open({
  id,
  method,
  args,
}: Extract<ToStore, { kind: 'call' }>): Promise<{ value: unknown; done: boolean }> {
  if (!store) throw new SluiceError('store-down', 'the store is not open yet')
  const abort = new AbortController()
  const call = { abort, iterator: undefined as AsyncIterator<unknown> | undefined }
  calls.set(id, call)
  // Positions of the log are the pipeline's business: the store knows only its own last row.
  if (method === 'passed') {
    const [stream, position] = args as [string, Position] // as the parent's proxy sends it
    await progress.get(stream)?.passed(position, abort.signal)
    return { value: undefined, done: true }
  }
  if (method === 'parts' || method === 'scan') {
    if (store.copy === undefined) throw new SluiceError('bad-request', noCopies)
    if (method === 'parts') return { value: await store.copy.parts(abort.signal), done: true }
    call.iterator = scanHere(store.copy, args, abort.signal)
    return pull(id)
  }
  // The parent's proxy has the same method with the same types; here they have crossed a process border.
  const result = (store.store[method] as (...args: unknown[]) => AsyncIterable<unknown> | Promise<unknown>)(
    ...args,
    abort.signal,
  )
  if (result instanceof Promise) return { value: await result, done: true }
  call.iterator = result[Symbol.asyncIterator]()
  return pull(id)
}

async function pull(id: number): Promise<{ value: unknown; done: boolean }> {
  const call = calls.get(id)
  // Begun in the process before this one: there is more of it, and nobody knows where it goes on.
  if (call === undefined) throw new SluiceError('store-down', 'the store was opened anew meanwhile')
  const next = await call.iterator?.next()
  return next === undefined || next.done === true
    ? { value: undefined, done: true }
    : { value: next.value, done: false }
}

function cancel(id: number): void {
  const call = calls.get(id)
  calls.delete(id)
  call?.abort.abort()
  call?.iterator?.return?.().catch(() => undefined) // cancelled: nobody waits for it
}

async function stop(): Promise<void> {
  stopping.abort()
  for (const id of [...calls.keys()]) cancel(id)
  await Promise.all([pipelines, replays?.stop()])
  await store?.store.close()
  process.disconnect?.()
}

function told(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof SluiceError || error instanceof SinkFailure)
    return { code: error.code, message: error.message }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'internal', message }
}
