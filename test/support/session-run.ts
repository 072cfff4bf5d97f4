import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Fleet } from '../../src/prove/fleet.ts'
import { Ledger } from '../../src/prove/ledger.ts'
import { DeliveryCheck } from './delivery-check.ts'
import { KeptSubscriber } from './kept-subscriber.ts'
import { reached } from './prove-run.ts'
import { seededRandom } from './random.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from './sluice-process.ts'

interface Watcher {
  readonly subscriber: KeptSubscriber
  readonly check: DeliveryCheck
  /** Wills that it got, as they came. */
  readonly wills: string[]
  readonly qos: 1 | 2
}

/**
 * The real program as a plain MQTT server: fleets publish at QoS 1 and 2 on topics of no ingest rule, and subscribers of both versions, at QoS 1
 * and 2, with sessions that are kept, come and go. The ports stay the same over restarts.
 */
export class SessionRun {
  readonly seed: number
  readonly data: string
  readonly random: () => number
  readonly fleets: readonly Fleet[]
  readonly watchers: readonly Watcher[]
  readonly mqttPort: number
  readonly #httpPort: number
  readonly #leaving = new AbortController()
  #coming: readonly Promise<void>[] = []

  private constructor(seed: number, mqttPort: number, httpPort: number) {
    this.seed = seed
    this.random = seededRandom(seed)
    this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-sessions-'))
    this.mqttPort = mqttPort
    this.#httpPort = httpPort
    const fleets = ([1, 2] as const).map((qos) => {
      const ledger = new Ledger({ seed: seed + qos, devices: 2, metrics: 3, identity: 'number' })
      const prefix = `qos-${qos}`
      const fleet = new Fleet({ host: '127.0.0.1', port: mqttPort, ledger, prefix, window: 10, qos })
      return { qos, prefix, ledger, fleet }
    })
    this.fleets = fleets.map(({ fleet }) => fleet)
    this.watchers = ([4, 5] as const).flatMap((version) =>
      ([1, 2] as const).map((qos) => {
        const check = new DeliveryCheck(fleets.map((fleet) => ({ ...fleet, isOnce: fleet.qos + qos === 4 })))
        const wills: string[] = []
        const subscriber = new KeptSubscriber({
          port: mqttPort,
          clientId: `watcher-${version}-${qos}`,
          version,
          qos,
          filters: [...fleets.map(({ prefix }) => `${prefix}/#`), 'wills/#'],
          receiveMaximum: 15,
          take(topic, payload) {
            if (!check.take(topic, payload)) wills.push(`${topic} ${payload}`)
          },
        })
        return { subscriber, check, wills, qos }
      }),
    )
  }

  static async create(seed = Math.floor(Math.random() * 2 ** 31)): Promise<SessionRun> {
    return new SessionRun(seed, await freePort(), await freePort())
  }

  start(): Promise<SluiceProcess> {
    return SluiceProcess.start({ data: this.data, mqttPort: this.mqttPort, httpPort: this.#httpPort })
  }

  /** All have their SUBACK, then the fleets send, and subscribers go and come back. */
  async begin(): Promise<void> {
    await Promise.all(this.watchers.map(({ subscriber }) => subscriber.start()))
    for (const fleet of this.fleets) fleet.start()
    const { signal } = this.#leaving
    this.#coming = this.watchers.map(({ subscriber }) => this.#comeAndGo(subscriber, signal))
  }

  get acked(): number {
    return this.fleets.reduce((sum, { acked }) => sum + acked, 0)
  }

  /** What anybody saw that may not be. */
  get faults(): readonly string[] {
    return [
      ...this.fleets.flatMap(({ violations }) => violations),
      ...this.watchers.flatMap(({ subscriber, check }) => [...subscriber.violations, ...check.faults]),
    ]
  }

  /** Nothing more is sent and everybody stays; resolves when everything has its answer and has come. */
  async settle(told: () => string): Promise<void> {
    this.#leaving.abort()
    await Promise.all(this.#coming)
    await Promise.all(this.fleets.map((fleet) => fleet.finish(AbortSignal.timeout(30_000))))
    await reached(
      () => this.faults.length > 0 || this.watchers.every(({ check }) => check.missing === 0),
      30_000,
      () =>
        `everything comes; missing: ${this.watchers.map(({ check }) => check.missing).join(', ')}; ${told()}`,
    )
    assert.deepEqual(this.faults, [])
  }

  close(): void {
    this.#leaving.abort()
    for (const fleet of this.fleets) fleet.close()
    for (const { subscriber } of this.watchers) subscriber.close()
  }

  async #comeAndGo(subscriber: KeptSubscriber, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await setTimeout(50 + this.random() * 500, undefined, { signal }).catch(() => undefined)
      subscriber.leave(this.random() < 0.5)
      await setTimeout(this.random() * 300, undefined, { signal }).catch(() => undefined)
      subscriber.comeBack()
    }
  }
}
