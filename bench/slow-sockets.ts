/**
 * A good client's PUBACK p99 at an even rate, calm and then while many sockets hold a place and say nothing, or next to nothing.
 * `p50Ms` and `p99Ms` are those beside them; `calmRatio`, the calm p99 in parts of that, is to stay above 0.5. `lastClosedMs` is how long
 * the last of them was let be, `deadlineMs` how long it may.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MqttProgram } from '../test/support/mqtt-program.ts'
import { openSlowSocket, type SlowPorts, type SlowSocket, slowKinds } from '../test/support/slow-sockets.ts'
import { defaultLoad, runLoadProcess } from './load/measure.ts'
import type { LoadOptions } from './load/mqtt-load.ts'

export interface SlowSocketsOptions {
  readonly sockets?: number
  readonly deadlineMs?: number
  /** Messages a second of the good client. */
  readonly rate?: number
}

/** Sockets that are opened at once. */
const atOnce = 25

export async function run(options: SlowSocketsOptions = {}) {
  const { sockets = 1_000, deadlineMs = 5_000, rate = 2_000 } = options
  const program = await MqttProgram.start({
    'mqtt.connectTimeoutMs': String(deadlineMs),
    'mqtt.tls.handshakeTimeoutMs': String(deadlineMs),
    'mqtt.tls.maxHandshakesPerAddress': String(sockets),
  })
  const { mqttPort: mqtt } = program.sluice
  let loads = 0
  const load = (given: Partial<LoadOptions>) =>
    runLoadProcess({
      ...defaultLoad,
      ...{ port: mqtt, connections: 1, rate, ...given },
      baseSeconds: defaultLoad.baseSeconds + 1_000_000 * loads++,
    })
  try {
    const seconds = (deadlineMs + 2_000) / 1000
    await load({ seconds: 2 }) // warm
    const calm = await load({ seconds })
    const opened = openSockets(sockets, { mqtt, tls: program.tlsPort })
    const busy = await load({ seconds })
    const lives = await Promise.all((await opened).map(({ closed }) => closed))
    const acked = calm.acked + busy.acked
    if (busy.failures.length > 0 || busy.acked < busy.sent)
      throw new Error(`the good client suffered: ${busy.failures.join('; ')}`)
    return {
      ratePerSecond: Math.round(busy.acked / busy.seconds),
      unit: 'messages/s',
      sent: calm.sent + busy.sent,
      acked,
      seconds: busy.seconds,
      p50Ms: busy.p50Ms,
      p99Ms: busy.p99Ms,
      calmP99Ms: calm.p99Ms,
      calmRatio: calm.p99Ms / busy.p99Ms,
      sockets,
      lastClosedMs: Math.round(Math.max(...lives)),
      deadlineMs,
    }
  } finally {
    await program.stop()
  }
}

/** Some at a time, so that the load beside them is that of places held, not of a burst. */
async function openSockets(count: number, ports: SlowPorts): Promise<readonly SlowSocket[]> {
  const opened: SlowSocket[] = []
  while (opened.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - opened.length) }, (_, i) =>
      openSlowSocket(slowKinds[i % slowKinds.length] ?? 'silent', ports),
    )
    opened.push(...(await Promise.all(some)))
    await wait(20)
  }
  return opened
}
