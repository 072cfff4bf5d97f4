import type { SourceComponent } from '../component.ts'
import { AmqpSource } from './amqp-source.ts'
import { amqpSchema } from './options.ts'

/** A source of type `amqp`: a queue or a stream of RabbitMQ. */
export const amqp: SourceComponent = {
  schema: amqpSchema,
  create(options, parts) {
    return new AmqpSource(amqpSchema.parse(options), parts)
  },
}
