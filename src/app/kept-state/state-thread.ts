import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../lib/clock.ts'
import { saveCompiledCode } from '../../lib/compile-cache.ts'
import { diskStorage } from '../../lib/storage.ts'
import { setAside } from '../../sinks/state/set-aside.ts'
import { isDamaged, StateFile } from '../../sinks/state/state-file.ts'
import type { FromState, StateStart, ToState } from './protocol.ts'
import { StateFeed } from './state-feed.ts'

/**
 * The thread that owns the state file. All that it does blocks (SQLite, its fsync, the reading of segments in which keyed values are few),
 * which the main thread must not.
 */
if (!parentPort) throw new Error('this file is the state thread; it is started by openKeptState')
const port = parentPort
const start = workerData as StateStart // from openKeptState alone

const feed = new StateFeed({
  start,
  storage: diskStorage,
  clock: systemClock,
  open: () => new StateFile(start.name, start.file),
  isDamaged,
  setAside: () => setAside(start.file),
  send,
})
port.on('message', (message: ToState) => feed.receive(message))
saveCompiledCode()
await feed.run()
port.close()

function send(message: FromState): void {
  const columns = message.kind === 'values' ? [message.keys, message.values] : []
  const memory = columns.flatMap(({ offsets, bytes }) => [offsets.buffer, bytes.buffer] as ArrayBuffer[])
  port.postMessage(message, memory)
}
