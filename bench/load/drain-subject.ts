import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Subject } from './measure.ts'

/** bench/reference/broker-drain.ts at the broker on that port. The load goes to the broker, and what is measured ends at the drain. */
export async function startDrain(port: number): Promise<Subject> {
  const program = path.resolve(import.meta.dirname, '../reference/broker-drain.ts')
  const child = spawn(process.execPath, [program, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let taken = -1
  let news = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    taken = Number(line)
    news.resolve()
    news = Promise.withResolvers()
  })
  while (taken < 0) await news.promise // 0: it is subscribed
  return {
    pid: child.pid ?? 0,
    port,
    kill: () => child.kill('SIGKILL'),
    async finish(rows) {
      while (taken < rows) await news.promise
      return { stored: taken, storedAt: Date.now(), fsyncs: 0 }
    },
  }
}
