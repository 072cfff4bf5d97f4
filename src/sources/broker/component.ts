import type { SourceComponent } from '../component.ts'
import { BrokerSource } from './broker-source.ts'
import { brokerSchema } from './options.ts'

/** A source of type `mqtt-broker`. */
export const mqttBroker: SourceComponent = {
  schema: brokerSchema,
  create(options, parts) {
    return new BrokerSource(brokerSchema.parse(options), parts)
  },
}
