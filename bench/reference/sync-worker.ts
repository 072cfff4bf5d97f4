/** The log thread of the references: writes what it is given at the end of one file, syncs it, says so. */
import fs from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

const { file, slabs } = workerData as { file: string; slabs: readonly SharedArrayBuffer[] } // as: posted by slab-log.ts
const fd = fs.openSync(file, 'w')
let at = 0
parentPort?.on('message', ([slab, ranges]: readonly [number, readonly (readonly [number, number])[]]) => {
  const memory = slabs[slab] ?? new SharedArrayBuffer(0)
  const parts = ranges.map(([from, to]) => new Uint8Array(memory, from, to - from))
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const written = fs.writevSync(fd, parts, at)
  if (written !== length) throw new Error(`short write: ${written} of ${length} bytes`)
  fs.fdatasyncSync(fd)
  at += length
  parentPort?.postMessage(slab)
})
