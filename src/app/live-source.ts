import type { Delivery } from '../core/log.ts'
import type { Position } from '../core/position.ts'
import type { LiveSource } from '../live/hub.ts'
import type { EmbeddedLog } from '../log/embedded/log.ts'

/**
 * The log as live push needs it: it holds nothing back from retention. Should the log get another id, its numbers stay what they are
 * in this run: readers go on where they are, and from then on say the new id.
 */
export function liveSource(log: EmbeddedLog): LiveSource {
  const now = (position: Position): Position => ({ ...position, log: log.id })
  return {
    position: () => ({ log: log.id, partition: 0, next: BigInt(log.tail.watermark().next) }),
    first: () => log.status().first,
    async *consume(options, signal): AsyncGenerator<Delivery> {
      const from = options.from && now(options.from)
      for await (const delivery of log.consume('readings', 'live', { ...options, from }, signal))
        yield { ...delivery, from: now(delivery.from), to: now(delivery.to) }
    },
  }
}
