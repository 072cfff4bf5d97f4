import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { Authority } from './certificates.ts'
import { MqttInbox } from './mqtt-inbox.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from './sluice-process.ts'

export const doorNames = ['tcp', 'tls', 'websocket'] as const
export type DoorName = (typeof doorNames)[number]

/** The running program with every door of MQTT open. Needs openssl. */
export class MqttProgram {
  readonly sluice: SluiceProcess
  readonly tlsPort: number
  readonly authority: Authority
  readonly #removals: readonly (() => void)[]

  private constructor(
    parts: Pick<MqttProgram, 'sluice' | 'tlsPort' | 'authority'>,
    removals: readonly (() => void)[],
  ) {
    this.sluice = parts.sluice
    this.tlsPort = parts.tlsPort
    this.authority = parts.authority
    this.#removals = removals
  }

  static async start(more: Readonly<Record<string, string>> = {}): Promise<MqttProgram> {
    const removals: (() => void)[] = []
    const authority = new Authority({ after: (remove) => removals.push(remove) })
    const { certFile, keyFile } = authority.issue('server')
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-doors-'))
    removals.push(() => fs.rmSync(data, { recursive: true, force: true }))
    const tlsPort = await freePort()
    const settings = {
      'mqtt.tls.port': String(tlsPort),
      'mqtt.tls.certFile': certFile,
      'mqtt.tls.keyFile': keyFile,
      ...more,
    }
    const sluice = await SluiceProcess.start({ data, settings })
    return new MqttProgram({ sluice, tlsPort, authority }, removals)
  }

  url(door: DoorName): string {
    const { mqttPort, httpPort } = this.sluice
    if (door === 'tcp') return `mqtt://127.0.0.1:${mqttPort}`
    return door === 'tls' ? `mqtts://127.0.0.1:${this.tlsPort}` : `ws://127.0.0.1:${httpPort}/mqtt`
  }

  async connect(door: DoorName, options: IClientOptions = {}): Promise<MqttClient> {
    return (await this.connectWithInbox(door, options)).client
  }

  /** The same, with what the client was sent from its CONNACK on. */
  async connectWithInbox(door: DoorName, options: IClientOptions = {}) {
    const { ca } = this.authority
    const client = mqtt.connect(this.url(door), {
      reconnectPeriod: 0,
      connectTimeout: 20_000,
      ca,
      ...options,
    })
    const inbox = new MqttInbox(client)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
      client.once('close', () => reject(new Error('closed before CONNACK')))
    })
    return { client, inbox }
  }

  async stop(): Promise<void> {
    await this.sluice.stop()
    for (const remove of this.#removals) remove()
  }
}
