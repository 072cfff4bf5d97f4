import type { GatewayContext } from './gateway-context.ts'
import { reason } from './packets/reason.ts'

/** For a stop: lets every connection have the acknowledgements due to it, and returns when all are gone and what they left is on disk. `gone`: the doors are. */
export async function drain(gateway: GatewayContext, gone: Promise<unknown>): Promise<void> {
  for (const connection of gateway.connections) {
    connection.close(reason.serverShuttingDown, 'the server is shutting down')
  }
  const deadline = setTimeout(() => {
    for (const connection of gateway.connections) connection.destroy()
  }, gateway.config.drainMs)
  await gone
  // WebSockets belong to no door here; and sockets that are closed say so a turn later.
  while (gateway.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  clearTimeout(deadline)
  // Wills published just now, QoS 0 messages of the last read, and what subscribers have acknowledged.
  if (gateway.keeper.isDirty) gateway.deliverAfter(gateway.commit(0))
  await gateway.commits.settled()
}
