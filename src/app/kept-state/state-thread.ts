import { parentPort, workerData } from 'node:worker_threads'
import { SluiceError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import { SinkFailure } from '../../core/sink.ts'
import type { TextColumn } from '../../core/text-column.ts'
import { systemClock } from '../../lib/clock.ts'
import { diskStorage } from '../../lib/storage.ts'
import type { Damage } from '../../log/embedded/group-walk.ts'
import { readStream } from '../../log/embedded/reader.ts'
import { RemoteTail } from '../../log/embedded/remote-tail.ts'
import { isDamaged, StateFile } from '../../sinks/state/state-file.ts'
import { setAside } from '../../sinks/state/set-aside.ts'
import { runPipeline } from '../pipeline/runner.ts'
import type { FromState, StatePipeline, StateStart, ToState } from './protocol.ts'

/**
 * The thread that owns the state file. It tells what the file and the log behind it hold, and then feeds the file from the log. All of it
 * blocks (SQLite, its fsync, the reading of segments in which keyed values are few), which the main thread must not.
 */
if (!parentPort) throw new Error('this file is the state thread; it is started by openKeptState')
const port = parentPort
const { name, file, log, pipelines } = workerData as StateStart // from openKeptState alone
const maxRows = 16_384
/** Keys that change often are written once. */
const lingerMs = 200
/** How often the position is kept while nothing is set: a start looks through the log from there. */
const keepEveryMs = 5_000

const stopping = new AbortController()
const tail = new RemoteTail(log.watermark, (next) => send({ kind: 'want', next }))
const place = {
  storage: diskStorage,
  folder: log.folder,
  tail,
  onDamage: (damage: Damage) => send({ kind: 'damage', damage }),
}
let logId = log.id
/** Aborts when the log has another id. */
let renewed = new AbortController()
const askers = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()
let nextAsk = 0

port.on('message', (message: ToState) => {
  if (message.kind === 'watermark') tail.moved(message.watermark)
  else if (message.kind === 'admitted') settle(message.id, message.error)
  else if (message.kind === 'stop') stopping.abort()
  else {
    logId = message.log
    const before = renewed
    renewed = new AbortController()
    before.abort()
  }
})

try {
  const opened = await openFile()
  send({ kind: 'loaded' })
  await Promise.all(pipelines.map((pipeline) => follow(opened, pipeline)))
  opened.close()
} catch (error) {
  send({ kind: 'failed', ...told(error) })
}
port.close()

/** The file, once what it and the log behind it hold has been told. */
async function openFile(): Promise<StateFile> {
  try {
    return await load(new StateFile(name, file))
  } catch (error) {
    if (!isDamaged(error)) throw error
    send({ kind: 'set-aside', file: setAside(file), reason: told(error).message })
    return await load(new StateFile(name, file))
  }
}

async function load(opened: StateFile): Promise<StateFile> {
  try {
    // All of them before the first is read: any may tell that the log is an older copy and must have another id.
    for (const { stream, group } of pipelines) await admit(group, opened.position(stream, logId, 0)?.position)
    for (const { stream } of pipelines) {
      for (const { keys, values } of opened.values(stream)) tell(stream, keys, values)
      await replay(opened, stream)
    }
    return opened
  } catch (error) {
    opened.close()
    throw error
  }
}

/** Tells what the log holds of a stream behind the file's position. Writing it into the file has time. */
async function replay(opened: StateFile, stream: string): Promise<void> {
  const state = opened.position(stream, logId, 0)
  if (state === undefined && (log.rows[stream] ?? 0) === 0) return
  const until = BigInt(log.watermark.next)
  const options = { from: state?.position, maxRows, lingerMs: 0, until }
  const documents = readStream({ ...place, log: logId }, stream, options, () => {}, stopping.signal)
  for await (const { batch } of documents)
    if (batch.kind === 'documents') tell(stream, copyOf(batch.key), copyOf(batch.body))
}

/** Keeps the file at the log's end until the thread is stopped; and anew when the log has another id. */
async function follow(opened: StateFile, { stream, group }: StatePipeline): Promise<void> {
  while (!stopping.signal.aborted) {
    const id = logId
    await runPipeline(
      {
        name,
        log: id,
        stream,
        admit: (position) => admit(group, position),
        consume: (options, signal) =>
          readStream(
            { ...place, log: id },
            stream,
            options,
            (next) => send({ kind: 'ack', group, next }),
            signal,
          ),
        processors: [],
        sink: opened.sink(stream),
        letters: { put: () => Promise.reject(new SluiceError('internal', 'no keyed value is ever refused')) },
        clock: systemClock,
        maxRows,
        lingerMs,
        keepEveryMs,
        onStatus: (status) => send({ kind: 'status', status }),
      },
      AbortSignal.any([stopping.signal, renewed.signal]),
    )
  }
}

/** Resolves once the log is sure that it is the one the position speaks of; by then `logId` is its id. */
function admit(group: string, position: Position | undefined): Promise<void> {
  const id = nextAsk++
  return new Promise((resolve, reject) => {
    askers.set(id, { resolve, reject })
    send({ kind: 'admit', id, group, position })
  })
}

function settle(id: number, error: string | undefined): void {
  const asker = askers.get(id)
  askers.delete(id)
  if (error === undefined) asker?.resolve()
  else asker?.reject(new SinkFailure('retry', 'busy', error))
}

function tell(stream: string, keys: TextColumn, values: TextColumn): void {
  const parts = [keys.offsets, keys.bytes, values.offsets, values.bytes].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
  port.postMessage({ kind: 'values', stream, keys, values } satisfies FromState, parts)
}

/** A batch is valid until the next one is asked for, and its columns are parts of larger memory. */
function copyOf({ offsets, bytes }: TextColumn): TextColumn {
  return { offsets: offsets.slice(), bytes: new Uint8Array(bytes) }
}

function send(message: FromState): void {
  port.postMessage(message)
}

function told(error: unknown): Pick<Extract<FromState, { kind: 'failed' }>, 'code' | 'message'> {
  if (error instanceof SluiceError || error instanceof SinkFailure)
    return { code: error.code, message: error.message }
  return {
    code: 'internal',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}
