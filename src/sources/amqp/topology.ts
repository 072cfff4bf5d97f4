import type { AmqpLink } from './link.ts'
import { codeOf } from './reason.ts'

/** A queue as it is made where there is none. */
interface Queue {
  readonly name: string
  /** Routing keys that bring a message into it. */
  readonly binding: string
  readonly arguments: Readonly<Record<string, string | number>>
}

const quorum = { 'x-queue-type': 'quorum' }

/** The queues that all devices share, named `entity.id.consumer.type`. */
export const sharedQueues: readonly Queue[] = [
  {
    name: 'sensor.all.measurements.db_writer',
    binding: 'sensor.*.measurements.#',
    arguments: {
      'x-queue-type': 'stream',
      'x-max-length-bytes': 2_000_000_000,
      'x-queue-leader-locator': 'least-leaders',
    },
  },
  { name: 'sensor.all.registry.created', binding: 'sensor.*.registry.#', arguments: quorum },
  { name: 'sensor.all.logs', binding: 'sensor.*.logs.#', arguments: quorum },
]

/** The queue in which the commands of one device wait for it. */
export function commandQueue(serial: string): Queue {
  return { name: `sensor.${serial}.commands`, binding: `sensor.${serial}.commands.#`, arguments: quorum }
}

/** Makes the topic exchange and the queues where they are missing, and binds them. A queue that exists stays as it is, of whatever type. */
export async function declareTopology(
  link: AmqpLink,
  exchange: string,
  queues: readonly Queue[],
): Promise<void> {
  const channel = await link.channel()
  await link.call(channel.exchangeDeclare({ exchange, type: 'topic', durable: true }))
  for (const { name, binding, arguments: made } of queues) {
    if (!(await hasQueue(link, name)))
      await link.call(channel.queueDeclare({ queue: name, durable: true, arguments: made }))
    await link.call(channel.queueBind({ queue: name, exchange, routingKey: binding }))
  }
  await channel.close()
}

/** Messages that wait in a queue. @throws SourceFailure where there is none. */
export async function waitingIn(link: AmqpLink, queue: string): Promise<number> {
  const channel = await link.channel()
  const { messageCount } = await link.call(channel.queueDeclare({ queue, passive: true }))
  await channel.close()
  return messageCount
}

async function hasQueue(link: AmqpLink, queue: string): Promise<boolean> {
  const channel = await link.channel()
  try {
    await channel.queueDeclare({ queue, passive: true })
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') return false
    return await link.call(Promise.reject(error))
  }
  await channel.close()
  return true
}
