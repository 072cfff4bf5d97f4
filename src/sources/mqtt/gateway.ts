import type { AddressInfo } from 'node:net'
import type { Authorizer } from '../../core/authorizer.ts'
import type { Format, Router } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { defaultRecordLimits, type RecordLimits } from '../../core/limits.ts'
import type { Source } from '../../core/source.ts'
import type { KeptState } from '../../core/keyed-state.ts'
import type { Clock } from '../../lib/clock.ts'
import { Addresses, type AddressReport } from './connection/addresses.ts'
import { hasTls, type MqttConfig } from './config.ts'
import { type MqttCounters, newCounters } from './counters.ts'
import type { Listener } from './doors/listener.ts'
import { Reception } from './doors/reception.ts'
import { openTcpDoor } from './doors/tcp-door.ts'
import { openTlsDoor, type TlsDoor } from './doors/tls-door.ts'
import { MqttWebSocketDoor } from './doors/websocket-door.ts'
import { drain } from './drain.ts'
import { type GatewayContext, newGatewayContext } from './gateway-context.ts'
import { type MqttLog, silentLog } from './log.ts'
import { sweepEveryMs, sweepGateway } from './sweep.ts'
import { type Traffic, TrafficWatch } from './traffic-watch.ts'

export interface MqttGatewayDependencies {
  readonly config: MqttConfig
  readonly router: Router
  /** What a message is whose topic and content type say nothing: JSON. */
  readonly format: Format
  /** That of a content type; undefined: nobody reads it. */
  readonly formats: (contentType: string) => Format | undefined
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly limits?: RecordLimits
  readonly logger?: MqttLog
  /** What sessions and retained topics were when the program started; without it there are none. */
  readonly kept?: KeptState
}

/** Sluice's own MQTT endpoint. One `run` at a time. */
export interface MqttGateway extends Source {
  /** Resolves with the address of the TCP door once all doors are open; rejects if one cannot be. */
  listening(): Promise<AddressInfo>
  /** Where it listens; undefined before it does and after it stopped. */
  address(): AddressInfo | undefined
  /** The same for TLS; undefined too where there are no certificates. */
  tlsAddress(): AddressInfo | undefined
  /** Takes the WebSockets that the HTTP server hands it, while it runs. */
  readonly webSocket: MqttWebSocketDoor
  status(): Readonly<MqttCounters>
  /** The remote addresses that make the most trouble, or hold the most connections. */
  addresses(limit: number): readonly AddressReport[]
  /** Begins to count messages by client and topic; what it returns ends that and tells them. */
  watch(): (limit: number) => Traffic
}

interface Doors {
  readonly tcp: Listener
  readonly tls: TlsDoor | undefined
}

export function createMqttGateway(deps: MqttGatewayDependencies): MqttGateway {
  const { logger: log = silentLog, limits = defaultRecordLimits } = deps
  const counters = newCounters()
  const addresses = new Addresses()
  const listening = Promise.withResolvers<AddressInfo>()
  listening.promise.catch(() => undefined) // `run` rejects too; who does not ask here need not hear it twice
  const webSocket = new MqttWebSocketDoor()
  let doors: Doors | undefined
  let context: GatewayContext | undefined

  async function run(intake: Intake, signal: AbortSignal): Promise<void> {
    const gateway = newGatewayContext({ ...deps, limits, log, counters, addresses }, intake)
    context = gateway
    const reception = new Reception(gateway)
    let open: Doors
    try {
      open = await openDoors(gateway, reception)
    } catch (error) {
      listening.reject(error)
      throw error
    }
    doors = open
    webSocket.open(gateway, reception)
    const { tcp, tls } = open
    listening.resolve(tcp.address)
    log.info({ address: tcp.address.address, port: tcp.address.port }, 'mqtt: listening')
    if (tls !== undefined)
      log.info({ address: tls.address.address, port: tls.address.port }, 'mqtt: listening for TLS')
    const sweeper = setInterval(() => {
      tls?.sweep(deps.clock.monotonicMs())
      sweepGateway(gateway)
    }, sweepEveryMs)
    try {
      await aborted(signal)
    } finally {
      doors = undefined
      webSocket.close()
      // Nobody more is accepted.
      await drain(gateway, Promise.all([open.tcp.close(), open.tls?.close()]))
      clearInterval(sweeper)
    }
  }

  return {
    name: 'mqtt',
    run,
    listening: () => listening.promise,
    address: () => doors?.tcp.address,
    tlsAddress: () => doors?.tls?.address,
    webSocket,
    status() {
      if (context !== undefined) measure(context)
      return counters
    },
    addresses: (limit) => addresses.top(limit),
    watch: () => watchTraffic(context),
  }
}

function watchTraffic(gateway: GatewayContext | undefined): (limit: number) => Traffic {
  const watch = new TrafficWatch()
  const watches = gateway?.publishes.watches ?? []
  watches.push(watch)
  return (limit) => {
    watches.splice(watches.indexOf(watch), 1)
    const connections = [...(gateway?.connections ?? [])]
    return watch.report(
      limit,
      connections.flatMap((connection) => connection.waiting() ?? []),
    )
  }
}

/** Opens every door, or none. */
async function openDoors(gateway: GatewayContext, reception: Reception): Promise<Doors> {
  const tcp = await openTcpDoor(gateway, reception)
  if (!hasTls(gateway.config)) return { tcp, tls: undefined }
  try {
    return { tcp, tls: await openTlsDoor(gateway, reception) }
  } catch (error) {
    for (const connection of gateway.connections) connection.destroy()
    await tcp.close()
    throw error
  }
}

/** What is there now, among the counters. */
function measure({ counters, subscriptions, sessions, keeper, retained }: GatewayContext): void {
  counters.subscriptions = subscriptions.count
  counters.subscriptionBytes = subscriptions.bytes
  counters.sessions = sessions.size
  counters.queuedMessages = keeper.queuedMessages
  counters.queuedBytes = keeper.queuedBytes
  counters.retainedMessages = retained.count
  counters.retainedBytes = retained.bytes
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
