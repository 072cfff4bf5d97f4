/**
 * The real MQTT gateway with intake and log in a process of its own, started by `fork` with --expose-gc. It tells its port, and at every
 * message how it is since the last one.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { MqttDoor } from './mqtt-door.ts'

export interface GatewayHealth {
  readonly port: number
  /** The longest that the event loop has stood still. */
  readonly stallMs: number
  /** What is held after a collection: heap and buffers. */
  readonly heldBytes: number
  readonly connectionsOpen: number
  readonly malformedPackets: number
}

const door = await MqttDoor.open({
  keeps: true,
  // What sessions of clients that are away may hold is full before the test compares.
  config: { maxQueuedBytes: 64 * 1024, maxQueuedTotalBytes: 1024 * 1024, maxRetainedMessages: 500 },
})
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

// What the test's log remembers is not the gateway's.
const forgetting = setInterval(() => {
  door.log.values.length = 0
  door.log.documents.length = 0
}, 50)

process.on('message', () => process.send?.(health()))
process.on('disconnect', () => {
  clearInterval(forgetting)
  door.stop().catch((error: unknown) => {
    console.error(error)
    process.exitCode = 1
  })
})
process.send?.(health())

function health(): GatewayHealth {
  const stallMs = delay.max / 1e6
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  const { connectionsOpen, malformedPackets } = door.gateway.status()
  delay.reset()
  return { port: door.port, stallMs, heldBytes: heapUsed + external, connectionsOpen, malformedPackets }
}
