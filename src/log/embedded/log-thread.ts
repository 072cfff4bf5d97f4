import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../lib/clock.ts'
import { saveCompiledCode } from '../../lib/compile-cache.ts'
import { diskStorage } from '../../lib/storage.ts'
import { codeOf, LogServer, messageOf } from './log-server.ts'
import type { FromThread, ThreadData, ToThread } from './messages.ts'
import { LogWriter } from './writer.ts'

/**
 * The log thread. It calls writev and fdatasync itself: the libuv pool is shared with queries, and four of them held one pooled
 * fdatasync for 2.3 s. Everything that arrives while it syncs becomes one write and one sync: commits form by themselves.
 */
if (!parentPort) throw new Error('this file is the log thread; it is started by openEmbeddedLog')
const port = parentPort
const data = workerData as ThreadData // from openEmbeddedLog alone
const checkEveryMs = 500

const send = (message: FromThread) => port.postMessage(message)
const server = open()

if (server) {
  const timer = setInterval(() => server.check(), checkEveryMs)
  port.on('message', (first: ToThread) => {
    if (server.handle(waiting(first))) return
    clearInterval(timer)
    port.close()
  })
  saveCompiledCode()
}

function* waiting(first: ToThread): Generator<ToThread> {
  for (let message: ToThread | undefined = first; message; message = receive()) yield message
}

function receive(): ToThread | undefined {
  // What the other side of our own port has sent; receiveMessageOnPort is untyped.
  return receiveMessageOnPort(port)?.message as ToThread | undefined
}

function open(): LogServer | undefined {
  try {
    return new LogServer(new LogWriter(diskStorage, systemClock, data.folder, data.options), send)
  } catch (error) {
    send({
      kind: 'refused',
      code: codeOf(error),
      message: `the log in ${data.folder} cannot be opened: ${messageOf(error)}`,
    })
    port.close()
    return undefined
  }
}
