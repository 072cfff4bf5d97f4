import { isUtf8 } from 'node:buffer'
import { systemClock } from '../lib/clock.ts'
import { printable } from '../lib/printable.ts'
import { reasonOf } from '../lib/reason.ts'
import type { ClientSubscribeCallback } from 'mqtt'
import type { Client } from './client.ts'
import { exitCode, usage } from './failure.ts'

/** `sluice tail --topic`: MQTT messages as subscribers get them, one a line, until Ctrl-C; those of no ingest topic too. */
export async function tailTopic(client: Client, filter: string, json: boolean): Promise<number> {
  const { connect } = await import('mqtt')
  const door = await mqttDoor(client)
  const subscriber = connect(door, { protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 10_000 })
  const leave = Promise.withResolvers<number>()
  process.once('SIGINT', () => leave.resolve(exitCode.ok))
  subscriber.on('error', (error) => leave.reject(new Error(`no MQTT at ${door}: ${reasonOf(error)}`)))
  subscriber.on('close', () => leave.reject(new Error('Sluice closed the connection')))
  subscriber.on('message', (topic, payload, { qos, retain }) => {
    const text = isUtf8(payload) ? payload.toString('utf8') : undefined
    const body = text === undefined ? { base64: payload.toString('base64') } : { payload: text }
    const line = json
      ? JSON.stringify({ topic, qos, retain, ...body })
      : `${new Date(systemClock.now() / 1000).toISOString()}  ${topic}  ${text ?? `${payload.length} bytes, base64 ${body.base64}`}`
    process.stdout.write(`${printable(line)}\n`)
  })
  const subscribed: ClientSubscribeCallback = (error, granted) => {
    const code = granted?.[0]?.qos ?? 0
    if (code >= 0x80)
      leave.reject(usage(`the filter ${JSON.stringify(filter)} is refused (0x${code.toString(16)})`))
    else if (error) leave.reject(usage(`the filter ${JSON.stringify(filter)} is refused: ${error.message}`))
  }
  // Not before: a client that is ended while it connects holds the process up until its time for that is over.
  subscriber.once('connect', () => subscriber.subscribe(filter, { qos: 0 }, subscribed))
  try {
    return await leave.promise
  } finally {
    subscriber.removeAllListeners('close')
    subscriber.end(true)
  }
}

/** Where the MQTT door is: the server tells its port, and it is the same host. */
async function mqttDoor(client: Client): Promise<string> {
  const { addresses } = await client.get<{ addresses: Readonly<Record<string, string>> }>('/status', {})
  const door = addresses['mqtt']
  if (door === undefined) throw new Error('this Sluice has no MQTT door open')
  return `mqtt://${client.host}:${new URL(door).port}`
}
