/** With a gigabyte of log, kill -9 and start again: how long until the first PUBACK, from exec. */
import { statSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained } from '../support/sluice-status.ts'
import { mqttLoad } from './runner/mqtt-load.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    megabytes: z.number().positive().default(1024).describe('of log before the first kill'),
    starts: z.int().positive().default(20).describe('kills, and starts after them'),
    limitMs: z.number().positive().default(1000).describe('the slowest first PUBACK allowed'),
  })
  .describe('a start after kill -9 with 1 GB of log: the first PUBACK within a second of exec')

/** About what a reading takes in the log; the loop corrects it. */
const bytesPerRow = 22

export async function run(
  { megabytes, starts, limitMs }: z.output<typeof options>,
  { folder, note, ends, signal }: Report,
): Promise<Outcome> {
  const [mqttPort, httpPort] = [await freePort(), await freePort()]
  const start = (): Promise<SluiceProcess> => SluiceProcess.start({ data: folder, mqttPort, httpPort })
  let sluice = await start()
  ends(() => sluice.killTree())

  let rows = 0
  for (let part = 0; logBytes(folder) < megabytes * 1e6; part++) {
    const missing = megabytes * 1e6 - logBytes(folder)
    const messages = Math.min(4_000_000, Math.ceil(missing / bytesPerRow) + 1)
    const baseSeconds = 1_700_000_000 + part * 1e6
    rows += (await mqttLoad({ port: mqttPort, messages, baseSeconds }, signal)).ackedRows
    note(`${rows} rows, ${Math.round(logBytes(folder) / 1e6)} MB of log`)
  }
  await drained(sluice, { rows, timeoutMs: 600_000 })

  const firstAcks: number[] = []
  for (let kill = 0; kill < starts; kill++) {
    sluice.killTree()
    await sluice.closed
    const exec = performance.now()
    sluice = await SluiceProcess.spawn({ data: folder, mqttPort, httpPort })
    firstAcks.push((await firstAck(sluice)) - exec)
    note(`start ${kill + 1}: first PUBACK after ${Math.round(firstAcks.at(-1) ?? 0)} ms`)
    // Only a start that has gone to its end is the one that an operator sees.
    await drained(sluice, { rows: rows + kill + 1, timeoutMs: 60_000 })
  }
  const sorted = firstAcks.map(Math.round).sort((a, b) => a - b)
  const worst = sorted.at(-1) ?? 0
  return {
    n: starts,
    seen: {
      ...{ rows, logMegabytes: Math.round(logBytes(folder) / 1e6) },
      firstPubackMs: { median: sorted[sorted.length >> 1], worst },
    },
    faults: worst < limitMs ? [] : [`the slowest first PUBACK came ${worst} ms after exec`],
  }
}

/** Tries until the door opens, publishes one message and gives the moment of its PUBACK. */
async function firstAck(sluice: SluiceProcess): Promise<number> {
  while (sluice.running) {
    try {
      using client = await RawMqttClient.connect(sluice.mqttPort)
      const time = new Date().toISOString()
      await client.say('dev/first-ack/temperature', JSON.stringify({ value: 1, time }))
      return performance.now()
    } catch {
      await setTimeout(2) // the door is not open yet
    }
  }
  throw new Error(`it ended before its first PUBACK:\n${sluice.output}`)
}

function logBytes(data: string): number {
  const log = path.join(data, 'log')
  return readdirSync(log).reduce((sum, file) => sum + statSync(path.join(log, file)).size, 0)
}
