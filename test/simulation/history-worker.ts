import { parentPort } from 'node:worker_threads'
import { type Range, runRange } from './histories.ts'

/** A thread that runs the histories it is sent. */
if (!parentPort) throw new Error('this file is a worker; it is started by histories.ts')
const port = parentPort
port.on('message', (range: Range) => {
  runRange(range).then(
    (totals) => port.postMessage(totals),
    (error: unknown) => {
      setImmediate(() => {
        throw error
      })
    },
  )
})
