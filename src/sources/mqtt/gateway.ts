import { createServer, type AddressInfo, type Server } from 'node:net'
import type { Authorizer } from '../../core/authorizer.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Format, Router } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { defaultRecordLimits, type RecordLimits } from '../../core/limits.ts'
import type { Source } from '../../core/source.ts'
import type { KeptState } from '../../core/keyed-state.ts'
import type { Clock } from '../../lib/clock.ts'
import { Addresses, type AddressReport } from './addresses.ts'
import type { MqttConfig } from './config.ts'
import { Connection } from './connection.ts'
import { type MqttCounters, newCounters } from './counters.ts'
import { type GatewayContext, newGatewayContext } from './gateway-context.ts'
import { type MqttLog, silentLog } from './log.ts'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { reason } from './reason.ts'
import { tcpWire } from './tcp-wire.ts'

export interface MqttGatewayDependencies {
  readonly config: MqttConfig
  readonly router: Router
  readonly format: Format
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly limits?: RecordLimits
  readonly logger?: MqttLog
  /** What sessions and retained topics were when the program started; without it there are none. */
  readonly kept?: KeptState
}

/** Sluice's own MQTT endpoint. One `run` at a time. */
export interface MqttGateway extends Source {
  /** Resolves with the address once it listens; rejects if it cannot. */
  listening(): Promise<AddressInfo>
  /** Where it listens; undefined before it does and after it stopped. */
  address(): AddressInfo | undefined
  status(): Readonly<MqttCounters>
  /** The remote addresses that make the most trouble, or hold the most connections. */
  addresses(limit: number): readonly AddressReport[]
}

const sweepEveryMs = 250

export function createMqttGateway(deps: MqttGatewayDependencies): MqttGateway {
  const { config, logger: log = silentLog, limits = defaultRecordLimits } = deps
  const counters = newCounters()
  const addresses = new Addresses()
  const listening = Promise.withResolvers<AddressInfo>()
  listening.promise.catch(() => undefined) // `run` rejects too; who does not ask here need not hear it twice
  let address: AddressInfo | undefined

  async function run(intake: Intake, signal: AbortSignal): Promise<void> {
    const gateway = newGatewayContext({ ...deps, limits, log, counters, addresses }, intake)
    const server = accept(gateway)
    try {
      address = await listen(server, config)
    } catch (error) {
      listening.reject(error)
      throw error
    }
    listening.resolve(address)
    log.info({ address: address.address, port: address.port }, 'mqtt: listening')
    const sweeper = setInterval(() => sweep(gateway), sweepEveryMs)
    try {
      await aborted(signal)
    } finally {
      address = undefined
      await stop(server, gateway)
      clearInterval(sweeper)
    }
  }

  return {
    name: 'mqtt',
    run,
    listening: () => listening.promise,
    address: () => address,
    status: () => counters,
    addresses: (limit) => addresses.top(limit),
  }
}

function accept(gateway: GatewayContext): Server {
  const { config, counters, addresses } = gateway
  // Half-open: a sender that has finished still gets its acknowledgements.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const known = addresses.of(socket.remoteAddress ?? '')
    if (known.connections >= config.maxConnectionsPerAddress) {
      counters.connectionsRefused++
      known.refused++
      socket.destroy()
      return
    }
    tcpWire(socket, (wire) => new Connection(gateway, wire))
  })
  server.maxConnections = config.maxConnections
  server.on('drop', () => {
    counters.connectionsRefused++
  })
  // While it listens: no file descriptor left for a connection, for one. `listen` hears of the errors before.
  server.on('error', (error) => gateway.log.error({ err: error }, 'mqtt: accepting failed'))
  return server
}

function listen(server: Server, config: MqttConfig): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const where = `${config.host}:${config.port}`
      const message = `mqtt cannot listen on ${where}: ${error.message}; choose another with --set mqtt.port=N`
      reject(new SluiceError('config-invalid', message, error))
    })
    server.listen(config.port, config.host, () => {
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new TypeError('a TCP server has an address'))
      else resolve(address)
    })
  })
}

function sweep(gateway: GatewayContext): void {
  const now = gateway.clock.monotonicMs()
  for (const connection of gateway.connections) connection.sweep(now)
  try {
    if (gateway.letters.sweep(gateway.intake, now)) gateway.commits.join(gateway.intake.durable(), 0)
  } catch (error) {
    gateway.log.warn({ err: error }, 'mqtt: the count of refused messages could not be kept')
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Accepts nobody more, lets every connection have the acknowledgements due to it, and returns when all are gone. */
async function stop(server: Server, gateway: GatewayContext): Promise<void> {
  const gone = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const connection of gateway.connections) {
    connection.close(reason.serverShuttingDown, 'the server is shutting down')
  }
  const deadline = setTimeout(() => {
    for (const connection of gateway.connections) connection.destroy()
  }, gateway.config.drainMs)
  await gone
  while (gateway.connections.size > 0) await nextTurn() // the sockets are closed, and say so in this turn
  clearTimeout(deadline)
  // Wills published just now, and QoS 0 messages of the last read.
  await gateway.commits.settled()
}
