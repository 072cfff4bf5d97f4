import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { SluiceError } from '../../core/errors.ts'
import type { Changes, NewReadings } from '../../core/log.ts'
import { systemClock } from '../../lib/clock.ts'
import { diskStorage } from '../../lib/storage.ts'
import type {
  FromThread,
  SharedColumns,
  SharedReadings,
  ThreadData,
  ThreadStatus,
  ToThread,
} from './messages.ts'
import { LogWriter } from './writer.ts'

/**
 * The log thread. It calls writev and fdatasync itself: the libuv pool is shared with queries, and four of them held one pooled
 * fdatasync for 2.3 s. Everything that arrives while it syncs becomes one write and one sync: commits form by themselves.
 */
if (!parentPort) throw new Error('this file is the log thread; it is started by openEmbeddedLog')
const port = parentPort
const data = workerData as ThreadData // from openEmbeddedLog alone
const columns = new Map<number, Omit<NewReadings, 'length' | 'text' | 'extra'>>()
const checkEveryMs = 500

const send = (message: FromThread) => port.postMessage(message)
const writer = open()

if (writer) {
  const timer = setInterval(() => check(writer), checkEveryMs)
  let bound: number | undefined
  let epoch = 0

  const check = (open: LogWriter) => {
    open.check(bound)
    send({ kind: 'status', status: statusOf(open), watermark: open.watermark })
  }

  port.on('message', (first: ToThread) => {
    let staged = 0
    let outdated = 0
    let closing = false
    for (let message: ToThread | undefined = first; message; message = receive()) {
      if (message.kind === 'columns') columns.set(message.id, lay(message))
      else if (message.kind === 'bound') bound = message.bound
      else if (message.kind === 'close') closing = true
      else if (message.epoch < epoch) outdated++
      else {
        writer.append(withReadings(message.changes, message.shared))
        staged++
      }
    }
    if (outdated > 0) {
      const message = 'a commit before this one failed'
      send({
        kind: 'failed',
        commits: outdated,
        epoch,
        code: writer.state === 'read-only' ? 'log-read-only' : 'disk-full',
        message,
      })
    }
    if (staged > 0) {
      try {
        writer.flush()
        send({ kind: 'durable', commits: staged, watermark: writer.watermark })
      } catch (error) {
        const { code, message } =
          error instanceof SluiceError ? error : new SluiceError('internal', String(error))
        send({ kind: 'failed', commits: staged, epoch: ++epoch, code, message })
      }
    }
    if (closing) {
      clearInterval(timer)
      writer.close()
      send({ kind: 'closed' })
      port.close()
    }
  })
}

function receive(): ToThread | undefined {
  // What we sent ourselves from the other side; receiveMessageOnPort is untyped.
  return receiveMessageOnPort(port)?.message as ToThread | undefined
}

function open(): LogWriter | undefined {
  try {
    const writer = new LogWriter(diskStorage, systemClock, data.folder, data.options)
    writer.check(undefined)
    send({
      kind: 'opened',
      id: writer.id,
      names: [...writer.dictionary.entries()],
      books: writer.books,
      watermark: writer.watermark,
      status: statusOf(writer),
    })
    return writer
  } catch (error) {
    const { code, message } =
      error instanceof SluiceError ? error : new SluiceError('internal', String(error))
    send({
      kind: 'failed',
      commits: 0,
      epoch: 0,
      code,
      message: `the log in ${data.folder} cannot be opened: ${message}`,
    })
    port.close()
    return undefined
  }
}

function lay(shared: SharedColumns): Omit<NewReadings, 'length' | 'text' | 'extra'> {
  const { buffer, capacity } = shared
  return {
    time: new Float64Array(buffer, shared.time, capacity),
    value: new Float64Array(buffer, shared.value, capacity),
    series: new Uint32Array(buffer, shared.series, capacity),
    quality: new Uint8Array(buffer, shared.quality, capacity),
    flags: new Uint8Array(buffer, shared.flags, capacity),
  }
}

function withReadings(changes: Changes, shared: SharedReadings | undefined): Changes {
  if (!shared) return changes
  const laid = columns.get(shared.columns)
  if (!laid) throw new Error(`columns ${shared.columns} were never sent`)
  return { ...changes, readings: { ...laid, length: shared.length, text: shared.text, extra: shared.extra } }
}

function statusOf(writer: LogWriter): ThreadStatus {
  return {
    bytes: writer.bytes,
    segments: writer.segments,
    first: writer.first,
    rows: Object.fromEntries(writer.rows),
    commits: writer.commits,
    syncs: writer.syncs,
    damagedFrames: writer.damagedFrames,
    tornTails: writer.tornTails,
    state: writer.state,
  }
}
