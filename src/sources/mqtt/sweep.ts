import type { GatewayContext } from './gateway-context.ts'

export const sweepEveryMs = 250

/** What a gateway does every so often: judges deadlines, ends what has expired, and keeps what nobody has waited for. */
export function sweepGateway(gateway: GatewayContext): void {
  const now = gateway.clock.monotonicMs()
  for (const connection of gateway.connections) connection.sweep(now)
  try {
    gateway.intake.tick()
    gateway.departures.sweep()
    gateway.retained.sweep()
    const hasLetters = gateway.letters.sweep(gateway.intake, now)
    const { keeper, publishes, fanOut } = gateway
    const isDirty = keeper.isDirty && gateway.intake.refusal() === undefined
    if (hasLetters || isDirty || publishes.dirty || fanOut.hasPending) gateway.deliverAfter(gateway.commit(0))
  } catch (error) {
    gateway.log.warn({ err: error }, 'mqtt: what had to be kept by now could not be')
  }
}
