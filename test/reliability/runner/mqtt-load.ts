import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { LoadOptions, LoadResult } from '../../../bench/load/mqtt-load.ts'

const program = path.resolve(import.meta.dirname, '../../../bench/load/mqtt-load.ts')

/** Runs bench/load/mqtt-load.ts, a process of its own, to its end. Rejects unless everything sent was acknowledged. */
export async function mqttLoad(
  options: Partial<LoadOptions> & { readonly port: number },
  signal: AbortSignal,
): Promise<LoadResult> {
  const { baseSeconds, ...others } = options
  const named = { ...others, ...(baseSeconds === undefined ? {} : { base: baseSeconds }) }
  const words = Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, [program, ...words], {
    ...{ stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' },
  })
  const ended = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the load ended with ${code}: ${output}${errors}`)
  return JSON.parse(output) as LoadResult // as: what runLoad gave, printed by the program
}
