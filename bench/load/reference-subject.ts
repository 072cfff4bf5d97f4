import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Subject, SubjectResult } from './measure.ts'

export type ReferenceName = 'mqtt-to-log' | 'mqtt-to-store' | 'http-to-store'

/** One of the programs in bench/reference, which print where they listen and `ready`, and their counts after SIGTERM. */
export async function startReference(name: ReferenceName, data: string): Promise<Subject> {
  const program = path.resolve(import.meta.dirname, `../reference/${name}.ts`)
  const child: ChildProcess = spawn(process.execPath, [program, '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null) throw new Error('no output to read')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const line = await lines.next()
    if (line.done === true) throw new Error(`reference ${name} ended early`)
    return line.value
  }
  const port = Number(/^\w+:\/\/.*:(\d+)$/.exec(await next())?.[1])
  await next()
  return {
    pid: child.pid ?? 0,
    port,
    kill: () => child.kill('SIGKILL'),
    async finish(): Promise<SubjectResult> {
      child.kill('SIGTERM')
      const counts = JSON.parse(await next()) as { messages: number; stored?: number; fsyncs: number } // as: it prints them
      const storedAt = counts.stored === undefined ? undefined : Date.now()
      return { stored: counts.stored ?? counts.messages, storedAt, fsyncs: counts.fsyncs }
    },
  }
}
