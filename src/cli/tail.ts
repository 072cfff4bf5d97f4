import { WebSocket } from 'ws'
import { printable } from '../lib/printable.ts'
import { Client } from './client.ts'
import { exitCode, usage } from './failure.ts'
import { tailTopic } from './tail-topic.ts'

export interface TailOptions {
  readonly url: string
  /** A filter of MQTT; without it, readings. */
  readonly topic?: string
  readonly devices: string
  readonly metrics: string
  readonly json?: boolean
}

type Frame =
  | {
      readonly type: 'readings'
      readonly series?: readonly [number, string, string, string][]
      readonly rows: readonly [number, number, number | string, number][]
    }
  | { readonly type: 'gap'; readonly rows: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string }
  | { readonly type: 'hello' | 'subscribed' | 'pong' }

/** `sluice tail`: readings as they come, or messages of a topic, one a line, until Ctrl-C. */
export async function tail({ url, topic, devices, metrics, json }: TailOptions): Promise<number> {
  const client = new Client(url)
  if (topic !== undefined) return tailTopic(client, topic, json === true)
  const socket = new WebSocket(client.socketUrl('/ws'), { perMessageDeflate: false })
  const names = new Map<number, readonly [device: string, metric: string, unit: string]>()
  let isEnough = false
  process.once('SIGINT', () => {
    isEnough = true
    socket.close()
  })
  return new Promise((resolve, reject) => {
    socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', id: 'tail', devices, metrics })))
    socket.on('error', (error) => reject(client.unreachable(error)))
    socket.on('close', (code, reason) => {
      if (isEnough) resolve(exitCode.ok)
      else
        reject(
          new Error(
            `Sluice closed the connection (${code}${reason.length > 0 ? ` ${reason.toString()}` : ''})`,
          ),
        )
    })
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Frame // the server's own
      if (frame.type === 'error') {
        reject(frame.code === 'bad-request' ? usage(frame.message) : new Error(frame.message))
        socket.terminate()
      } else if (frame.type === 'gap')
        process.stderr.write(`… ${frame.rows} readings skipped: this reader is too slow\n`)
      else if (frame.type === 'readings') {
        for (const [n, device, metric, unit] of frame.series ?? []) names.set(n, [device, metric, unit])
        for (const [n, time, value, quality] of frame.rows) {
          const [device = '?', metric = '?', unit = ''] = names.get(n) ?? []
          const at = new Date(time).toISOString()
          const line = json
            ? JSON.stringify({ device, metric, unit, time, value, quality })
            : `${at}  ${device}  ${metric}  ${value} ${unit}${quality === 192 ? '' : `  quality ${quality}`}`
          process.stdout.write(`${printable(line.trimEnd())}\n`)
        }
      }
    })
  })
}
