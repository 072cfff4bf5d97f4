import { fork } from 'node:child_process'
import { once } from 'node:events'
import { isMainThread, Worker } from 'node:worker_threads'
import { groupMagic } from '../../src/log/embedded/group.ts'
import { readGroup } from '../../src/log/embedded/group-reader.ts'

/*
 * Tells of the main thread, of a thread and of a child process started as a store's is whether the bug `crc-off` is planted there: whether a group
 * with a wrong checksum passes.
 */
const group = new DataView(new ArrayBuffer(64))
group.setUint32(0, groupMagic, true)
group.setUint32(4, 64, true)
const passes = readGroup(new Uint8Array(group.buffer), group, 0, 64, 0) !== undefined
const place = process.send !== undefined ? 'process' : isMainThread ? 'main' : 'thread'
console.log(`${place}: ${passes ? 'planted' : 'clean'}`)

if (place === 'main') {
  await once(new Worker(import.meta.filename), 'exit')
  await once(fork(import.meta.filename, { execArgv: ['--max-semi-space-size=4'] }), 'exit')
}
