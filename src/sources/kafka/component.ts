import type { SourceComponent } from '../component.ts'
import { kafkaSchema } from './options.ts'
import { KafkaSource } from './source.ts'

/** A source of type `kafka`. */
export const kafka: SourceComponent = {
  schema: kafkaSchema,
  create(options, parts) {
    return new KafkaSource(kafkaSchema.parse(options), parts)
  },
}
