import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { LoadOptions, LoadResult } from '../../../bench/load/mqtt-load.ts'

const program = path.resolve(import.meta.dirname, '../../../bench/load/mqtt-load.ts')

export interface RunningLoad {
  /** Rejects unless everything sent was acknowledged. */
  readonly done: Promise<LoadResult>
  /** Has it send nothing more. */
  stop(): void
}

/** Starts bench/load/mqtt-load.ts, a process of its own. */
export function startMqttLoad(
  { baseSeconds, ...others }: Partial<LoadOptions> & { readonly port: number },
  signal: AbortSignal,
): RunningLoad {
  const named = { ...others, ...(baseSeconds === undefined ? {} : { base: baseSeconds }) }
  const words = Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, [program, ...words], {
    ...{ stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' },
  })
  return { done: resultOf(child), stop: () => child.kill('SIGTERM') }
}

/** As `startMqttLoad`, to its end. */
export function mqttLoad(...args: Parameters<typeof startMqttLoad>): Promise<LoadResult> {
  return startMqttLoad(...args).done
}

async function resultOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<LoadResult> {
  const ended = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the load ended with ${code}: ${output}${errors}`)
  return JSON.parse(output) as LoadResult // as: what runLoad gave, printed by the program
}
