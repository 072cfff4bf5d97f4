import os from 'node:os'
import { fileSystemOf } from '../../../bench/runner/place.ts'

/** What a figure was taken on. */
export interface Machine {
  readonly cpus: number
  readonly model: string
  readonly memoryGb: number
  readonly kernel: string
  readonly fileSystem: string
  readonly node: string
}

/** `folder` is where the proof keeps its data. */
export function thisMachine(folder: string): Machine {
  return {
    cpus: os.availableParallelism(),
    model: os.cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    fileSystem: fileSystemOf(folder),
    node: process.version,
  }
}
