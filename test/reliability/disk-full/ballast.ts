import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { comesBack, isTaking } from '../../../src/prove/faults/comes-back.ts'
import type { Fault } from '../../../src/prove/fault.ts'
import type { OwnServer } from '../../../src/prove/own-server.ts'
import { readStatus } from '../../../src/prove/server-status.ts'
import { RawMqttClient } from '../../support/raw-mqtt-client.ts'

/** How soon intake must stop, and go on: docs/delivery.md. */
const withinMs = 5_000
const heldMs = 1_500

export interface FullDisks {
  /** From the end of the want to the next record taken. */
  readonly backMs: number[]
  queries: number
  failedQueries: number
}

/** Fills the disk with a file, while the fleet sends; every sender must be told, queries go on, and intake comes back when it is gone. */
export function fullDisk(ballast: string, seen: FullDisks): Fault {
  return {
    name: 'disk-full',
    async inject(server, _random, signal) {
      const violations: string[] = []
      const queries = querying(server, seen, violations)
      try {
        fill(ballast)
        const full = performance.now()
        while ((await isTaking(server)) && performance.now() - full < withinMs)
          await setTimeout(20, undefined, { signal })
        violations.push(...(await refusals(server)))
        await setTimeout(heldMs, undefined, { signal })
        const { messagesAccepted } = (await readStatus(server)).books
        rmSync(ballast)
        const removed = performance.now()
        violations.push(...(await comesBack(server, 'the disk was full', signal)))
        while ((await readStatus(server)).books.messagesAccepted === messagesAccepted) {
          if (performance.now() - removed > 2 * withinMs) break
          await setTimeout(20, undefined, { signal })
        }
        const backMs = Math.round(performance.now() - removed)
        seen.backMs.push(backMs)
        if (backMs > withinMs) violations.push(`intake came back ${backMs} ms after there was space`)
      } finally {
        rmSync(ballast, { force: true })
        await queries.end()
      }
      return { counts: { fullDisks: 1 }, violations }
    },
  }
}

/** Writes until not a byte more fits. */
function fill(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (let size = 1 << 20; size > 0; size >>= 1) {
      const bytes = Buffer.alloc(size)
      try {
        while (writeSync(fd, bytes) > 0);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      }
    }
  } finally {
    closeSync(fd)
  }
}

/** A sender of each kind asks, and must hear that the disk is full; what would be taken is nobody's, and found as such by the judge. */
async function refusals(server: OwnServer): Promise<string[]> {
  const wrong: string[] = []
  const { mqttPort } = server.options
  using client = await RawMqttClient.connect(mqttPort, 5)
  const reason = await client.say('dev/nobody/x', '{"v":1}')
  if (reason !== 0x97) wrong.push(`MQTT 5 was answered with 0x${reason.toString(16)}, not 0x97`)
  const response = await fetch(new URL('/api/v1/readings', server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"device":"nobody","x":1}',
  })
  const text = await response.text()
  const isTold = response.status === 503 && response.headers.has('retry-after') && text.includes('disk-full')
  if (!isTold) wrong.push(`HTTP was answered with ${response.status} ${text.slice(0, 200)}`)
  return wrong
}

/** Asks the store again and again. */
function querying(server: OwnServer, seen: FullDisks, violations: string[]): { end(): Promise<void> } {
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      seen.queries++
      try {
        const { devices } = (await server.get('/api/v1/devices')) as { devices: { device: string }[] } // as: its own answer
        const device = encodeURIComponent(devices[0]?.device ?? 'none')
        await server.get(`/api/v1/readings?device=${device}&from=0&limit=100`)
      } catch (error) {
        seen.failedQueries++
        violations.push(`a query failed: ${String(error)}`)
      }
      await setTimeout(100)
    }
  })()
  return {
    async end() {
      isOver = true
      await asking
    },
  }
}
